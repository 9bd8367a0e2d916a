/** Servers from npm and PyPI: installed once, pinned, into a content-keyed cache; then run directly. */
export { cacheDirectory } from './cache-directory.ts';
export {
  type CachedPackage,
  type CleanReport,
  createPackageStore,
  type InstalledPackage,
  type PackageSource,
  type PackageStore,
  type PackageStoreOptions,
} from './package-store.ts';
