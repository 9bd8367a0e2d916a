/**
 * Labels of everything that is owned, and the selectors, which can never change once a Deployment exists.
 *
 * The selector has only what follows from kind and name. Nothing of `spec` reaches it, least of all labels of a template.
 */
export type Component = 'server' | 'hub';
type Labels = Readonly<Record<string, string>>;

export function selectorLabels(component: Component, name: string): Labels {
  return { 'app.kubernetes.io/component': component, [`quaymaster.dev/${component}`]: name };
}

export function ownLabels(component: Component, name: string): Labels {
  return {
    'app.kubernetes.io/name': `quaymaster-${component}`,
    'app.kubernetes.io/instance': name,
    'app.kubernetes.io/managed-by': 'quaymaster',
    'app.kubernetes.io/part-of': 'quaymaster',
    ...selectorLabels(component, name),
  };
}

/** Keys that a template cannot set: the operator finds and selects by them. */
export function isReserved(key: string): boolean {
  return /^([a-z0-9.-]+\.)?(quaymaster\.dev|app\.kubernetes\.io)\//.test(key);
}
