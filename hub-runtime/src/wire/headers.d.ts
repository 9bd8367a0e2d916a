/** The member of `params` that `Mcp-Name` mirrors, by method. Undefined = the method has no such header. */
export declare function nameMember(method: string): 'name' | 'uri' | 'taskId' | undefined;
/** Header value to the byte-form text it means. Undefined when it is malformed: bad base64, bad UTF-8, bytes outside visible ASCII. */
export declare function decodeHeaderValue(header: string): string | undefined;
/** Byte-form text to a header value that any HTTP peer carries unharmed. */
export declare function encodeHeaderValue(text: string): string;
/** Strips RFC 9110 optional whitespace. */
export declare function trimOws(value: string): string;
