/** Problems with manifests and files, as people read them. */
export {
  formatProblem,
  type Position,
  problem,
  type Problem,
  type ProblemLevel,
  type ProblemPlace,
} from './problem.ts';
