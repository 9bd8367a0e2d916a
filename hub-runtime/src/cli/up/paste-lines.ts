/** The endpoint, and what to paste into the clients people use. */
import type { Cli } from '../support/index.ts';

export function pasteLines(cli: Cli, url: string, tools: number): string[] {
  const { bold, cyan, dim } = cli.colors;
  const vscode = JSON.stringify({ name: 'quaymaster', type: 'http', url });
  return [
    '',
    `${bold('ready')} ${cyan(url)}  ${dim(`${tools} tools`)}`,
    '',
    `  Claude Code  claude mcp add --transport http quaymaster ${url}`,
    `  VS Code      code --add-mcp '${vscode}'`,
    '  Cursor       qm connect cursor',
    `  Inspector    npx @modelcontextprotocol/inspector --cli ${url} --transport http --method tools/list`,
    '',
    dim('  Ctrl-C ends it. In another terminal: qm get servers, qm get tools, qm call TOOL key=value'),
    '',
  ];
}
