/** From an exchange to the one server that answers it. */
export { createRouter, parkedLimitOf, type Router } from './create-router.ts';
export { ResourceSubscriptions } from './resource-subscriptions.ts';
export { createRequestIds } from './request-ids.ts';
