/** On which kinds a reason can appear: the values of the column `kinds`. */
export const both = ['McpServer', 'McpHub'] as const;
export const server = ['McpServer'] as const;
export const hub = ['McpHub'] as const;
