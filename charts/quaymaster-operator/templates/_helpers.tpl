{{/* Fixed on purpose: hubs find the operator by the name of its Service, and there is one operator to a namespace. */}}
{{- define "quaymaster.fullname" -}}quaymaster-operator{{- end -}}

{{- define "quaymaster.selector" -}}
app.kubernetes.io/name: quaymaster-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quaymaster.labels" -}}
{{ include "quaymaster.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: quaymaster
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* `metadata` of an object in the release's namespace. Takes root, and optionally suffix, labels, annotations, component. */}}
{{- define "quaymaster.metadata" -}}
name: {{ include "quaymaster.fullname" .root }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "quaymaster.labels" .root | nindent 2 }}
  {{- with .component }}
  app.kubernetes.io/component: {{ . }}
  {{- end }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "quaymaster.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "quaymaster.fullname" .) -}}
{{- end -}}

{{/* An image reference; a digest beats a tag. */}}
{{- define "quaymaster.image" -}}
{{- $name := .image.repository -}}
{{- with .root.Values.global.imageRegistry -}}{{- $name = printf "%s/%s" (trimSuffix "/" .) $name -}}{{- end -}}
{{- with .image.digest -}}{{- printf "%s@%s" $name . -}}
{{- else -}}{{- printf "%s:%s" $name (.image.tag | default .root.Chart.AppVersion) -}}{{- end -}}
{{- end -}}

{{/* The operator's one settings file. */}}
{{- define "quaymaster.settings" -}}
{{- $images := dict -}}
{{- range list "hub" "runnerNpm" "runnerPypi" -}}
{{- $_ := set $images . (include "quaymaster.image" (dict "root" $ "image" (get $.Values.images .))) -}}
{{- end -}}
{{- $render := mergeOverwrite (deepCopy .Values.render) (dict "images" $images "imagePullSecrets" .Values.global.imagePullSecrets "operatorNamespace" .Release.Namespace) -}}
{{- with .Values.networkPolicy.monitoringNamespace -}}{{- $_ := set $render "monitoringNamespace" . -}}{{- end -}}
{{- dict "logLevel" .Values.logLevel "watchNamespaces" .Values.watchNamespaces "render" $render | toPrettyJson -}}
{{- end -}}
