/**
 * Decides which client-supplied names get series of their own.
 *
 * The first `perGroup` names of a server, and at most `inAll` over all servers, are kept; the rest is `_other` for good. First come, first
 * kept is deliberate: evicting would make a counter jump backwards, and a scraper would read that as a restart (EF-69).
 */
export declare const otherName = "_other";
export declare class BoundedNames {
    #private;
    constructor(perGroup: number, inAll: number, clean: (name: string) => string);
    get size(): number;
    /** The label for `name` in `group`: itself (cleaned) or `_other`. Names longer than any real one are never kept. */
    of(group: string, name: string): string;
    /** Gives back the room of a group that left the configuration. */
    forget(group: string): void;
}
