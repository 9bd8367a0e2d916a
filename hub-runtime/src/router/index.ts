/** From an exchange to the one server that answers it. */
export { createRouter, type Router, type RouterDeps } from './create-router.ts';
