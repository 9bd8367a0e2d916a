/**
 * The rights the operator has in a cluster, as data: the chart ships exactly these, and the tests run with exactly these.
 *
 * No wildcards, no right that no code uses. Where watching is enough there is no `get`; where nothing is pruned there is no `delete`.
 * Why Secrets are listed and watched in every watched namespace is decision 12.
 */
export interface RbacRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface OperatorRbac {
  /** Of the whole cluster, whatever is watched. */
  readonly clusterRules: readonly RbacRule[];
  /** In every watched namespace; in a ClusterRole when all are watched. */
  readonly namespaceRules: readonly RbacRule[];
  /** In the operator's own namespace. */
  readonly ownNamespaceRules: readonly RbacRule[];
}

const watch = ['list', 'watch'] as const;
/**
 * Server-side apply asks for `create` and `patch`; `get` looks whether a name is taken before something is created under it, since caches hold
 * only what is ours; `delete` is for what is wanted no more.
 */
const own = ['get', ...watch, 'create', 'patch', 'delete'] as const;

export function operatorRbac(): OperatorRbac {
  return {
    clusterRules: [{ apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }],
    namespaceRules: [
      { apiGroups: ['quaymaster.dev'], resources: ['mcphubs', 'mcpservers'], verbs: watch },
      // Before what a dead server left behind is swept, the API server itself must say that it is dead.
      { apiGroups: ['quaymaster.dev'], resources: ['mcpservers'], verbs: ['get'] },
      { apiGroups: ['quaymaster.dev'], resources: ['mcphubs/status', 'mcpservers/status'], verbs: ['patch'] },
      // Where OwnerReferencesPermissionEnforcement is on, an owner reference that blocks deletion asks for this.
      { apiGroups: ['quaymaster.dev'], resources: ['mcphubs/finalizers', 'mcpservers/finalizers'], verbs: ['update'] },
      { apiGroups: [''], resources: ['services', 'serviceaccounts'], verbs: own },
      { apiGroups: [''], resources: ['secrets'], verbs: own },
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', ...watch] },
      { apiGroups: [''], resources: ['pods'], verbs: watch },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: own },
      // Is the autoscaler that once decided on the number of Pods still there?
      { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: ['list'] },
      { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: own },
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'networkpolicies'], verbs: own },
      { apiGroups: ['gateway.networking.k8s.io'], resources: ['httproutes'], verbs: own },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: watch },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
    ],
    ownNamespaceRules: [
      // A name cannot be limited for `create`: there is none yet.
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['quaymaster-operator'],
        verbs: ['get', 'update'],
      },
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['quaymaster-operator-checksums', 'quaymaster-operator-control'],
        verbs: ['get', 'update'],
      },
    ],
  };
}
