/** Servers from npm and PyPI: installed once, pinned, into a content-keyed cache; then run directly. */
export { cacheDirectory } from './cache-directory.ts';
export type { CachedPackage, CleanReport } from './cache-listing.ts';
export type { PackageSource } from './package-source.ts';
export {
  createPackageStore,
  type InstalledPackage,
  type PackageStore,
  type PackageStoreOptions,
} from './package-store.ts';
