export declare function knownMethod(method: string): string;
export declare function knownCode(code: number | undefined): string;
/** A name in byte form as text for people: decoded, without control characters, masked. */
export declare function cleanName(name: string): string;
