{{/* The name of the chart. */}}
{{- define "sluice.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/*
What the names of all objects begin with: the release's name, with the chart's unless it says so already.
A label takes 63 characters, and the longest of the words that follow is "-controller".
*/}}
{{- define "sluice.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $own := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $own | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "sluice.controller" -}}
{{- printf "%s-controller" (include "sluice.fullname" .) -}}
{{- end -}}

{{- define "sluice.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "sluice.controller" .) -}}
{{- else -}}
{{- required "serviceAccount.name: with serviceAccount.create=false, name the account that is there" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What a Deployment finds its Pods by; it may never change. */}}
{{- define "sluice.selector" -}}
app.kubernetes.io/name: {{ include "sluice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{/* The labels of an object that belongs to the controller. */}}
{{- define "sluice.labels" -}}
{{ include "sluice.commonLabels" . }}
app.kubernetes.io/component: controller
{{- end -}}

{{/* The labels of every object. */}}
{{- define "sluice.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "sluice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sluice
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sluice.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A rule of egress to one of the servers in `networkPolicy`. */}}
{{- define "sluice.egress" -}}
- ports:
  {{- range $port := .server.ports }}
  {{- range $protocol := $.protocols }}
  - {port: {{ $port }}, protocol: {{ $protocol }}}
  {{- end }}
  {{- end }}
  {{- with .server.cidrs }}
  to:
  {{- range . }}
  - ipBlock: {cidr: {{ . | quote }}}
  {{- end }}
  {{- end }}
{{- end -}}
