/** The load driver as a process of its own: takes plans over IPC, one at a time, and answers with what it measured. */
import type { Plan } from './plan.ts';
import { runLoad } from './run-load.ts';

process.on('message', (plan: Plan) => {
  runLoad(plan).then(
    (load) => process.send?.({ load }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
