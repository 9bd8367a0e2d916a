/** For tests only. */
export { createFakeReports, type FakeReports } from './reports.ts';
