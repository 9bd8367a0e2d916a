{{- define "quaymaster.fullname" -}}quaymaster-operator{{- end -}}

{{- define "quaymaster.labels" -}}
app.kubernetes.io/name: quaymaster-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: quaymaster
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "quaymaster.selector" -}}
app.kubernetes.io/name: quaymaster-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quaymaster.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "quaymaster.fullname" .) -}}
{{- end -}}

{{/* An image reference; a digest beats a tag. */}}
{{- define "quaymaster.image" -}}
{{- $image := .image -}}
{{- $registry := .root.Values.global.imageRegistry -}}
{{- $name := $image.repository -}}
{{- if $registry -}}{{- $name = printf "%s/%s" (trimSuffix "/" $registry) $name -}}{{- end -}}
{{- if $image.digest -}}{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}{{- printf "%s:%s" $name ($image.tag | default .root.Chart.AppVersion) -}}{{- end -}}
{{- end -}}

{{/* The operator's one settings file. */}}
{{- define "quaymaster.settings" -}}
{{- $images := dict
  "hub" (include "quaymaster.image" (dict "root" . "image" .Values.images.hub))
  "runnerNpm" (include "quaymaster.image" (dict "root" . "image" .Values.images.runnerNpm))
  "runnerPypi" (include "quaymaster.image" (dict "root" . "image" .Values.images.runnerPypi)) -}}
{{- $render := mergeOverwrite (dict "images" $images "imagePullSecrets" .Values.global.imagePullSecrets "operatorNamespace" .Release.Namespace) (deepCopy .Values.render) -}}
{{- $namespaces := ternary .Values.watchNamespaces (list) (eq .Values.rbac.scope "namespaces") -}}
{{- dict "logLevel" .Values.logLevel "watchNamespaces" $namespaces "render" $render | toPrettyJson -}}
{{- end -}}
