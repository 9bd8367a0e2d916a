/** `gitops/argocd/argocd-cm.yaml`: the Lua files of `resource_customizations` in the form an installed Argo CD reads them. */
import { stringify } from 'yaml';

export const argocdFolder = 'gitops/argocd/resource_customizations';

/** `read`: text of a file below the folder. */
export function argocdConfigMap(read: (path: string) => string): string {
  const data: Record<string, string> = {};
  for (const kind of ['McpHub', 'McpServer']) {
    const folder = `quaymaster.dev/${kind}`;
    const key = `quaymaster.dev_${kind}`;
    data[`resource.customizations.health.${key}`] = read(`${folder}/health.lua`);
    data[`resource.customizations.actions.${key}`] = stringify(
      {
        'discovery.lua': read(`${folder}/actions/discovery.lua`),
        definitions: [{ name: 'restart', 'action.lua': read(`${folder}/actions/restart/action.lua`) }],
      },
      { lineWidth: 0 },
    );
  }
  const head = [
    '# Generated from resource_customizations by `make generate`. Do not edit.',
    '#',
    '#   kubectl -n argocd patch configmap argocd-cm --type merge --patch-file argocd-cm.yaml',
  ];
  return `${head.join('\n')}\n${stringify({ data }, { lineWidth: 0 })}`;
}
