/** Public surface of the Kubernetes layer. It knows nothing of MCP. */
export {};
