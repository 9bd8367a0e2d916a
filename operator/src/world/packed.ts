/**
 * A part of a cached object that is kept as text and read when somebody looks at it. The specs of a thousand Deployments, which the API server
 * fills with its defaults, are 20 MiB as objects and 5 as text; they are looked at a few times in the life of each.
 */
export function withPacked<T extends object, K extends keyof T & string>(object: T, key: K): T {
  const value = object[key];
  if (value === undefined) return object;
  const text = JSON.stringify(value);
  return Object.defineProperty({ ...object }, key, { enumerable: true, get: () => JSON.parse(text) as T[K] });
}
