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

{{/* The same of the server. */}}
{{- define "sluice.server" -}}
{{- printf "%s-server" (include "sluice.fullname" .) -}}
{{- end -}}

{{- define "sluice.serverServiceAccount" -}}
{{- with .Values.server.serviceAccount -}}
{{- if .create -}}
{{- .name | default (include "sluice.server" $) -}}
{{- else -}}
{{- required "server.serviceAccount.name: with server.serviceAccount.create=false, name the account that is there" .name -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What a Deployment finds its Pods by; it may never change. */}}
{{- define "sluice.selector" -}}
{{ include "sluice.instance" . }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "sluice.serverSelector" -}}
{{ include "sluice.instance" . }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "sluice.instance" -}}
app.kubernetes.io/name: {{ include "sluice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The labels of an object that belongs to the controller. */}}
{{- define "sluice.labels" -}}
{{ include "sluice.commonLabels" . }}
app.kubernetes.io/component: controller
{{- end -}}

{{/* The labels of an object that belongs to the server. */}}
{{- define "sluice.serverLabels" -}}
{{ include "sluice.commonLabels" . }}
app.kubernetes.io/component: server
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

{{/* The name by which the API server knows the controller. */}}
{{- define "sluice.user" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "sluice.serviceAccount" .) -}}
{{- end -}}

{{/* The name by which the API server knows the server, whether this release has one or deploy/server.yaml adds it. */}}
{{- define "sluice.serverUser" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "sluice.serverServiceAccount" .) -}}
{{- end -}}

{{/* In which namespaces a policy holds. A release looks after one, or after all. */}}
{{- define "sluice.policyScope" -}}
{{- $own := ternary dict (dict "matchLabels" (dict "kubernetes.io/metadata.name" .Values.watchNamespace)) (empty .Values.watchNamespace) -}}
{{- with .Values.policies.namespaceSelector | default $own -}}
matchResources:
  matchPolicy: Equivalent
  namespaceSelector:
    {{- toYaml . | nindent 4 }}
  objectSelector: {}
{{- end -}}
{{- end -}}

{{/*
Whether `requestedBy` is stamped: the API server has to serve the kind, which Kubernetes 1.36 brought. Without a cluster, Helm
takes every kind that it knows for served, whatever version it is told.
*/}}
{{- define "sluice.stamps" -}}
{{- $isServed := and (semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version) (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy") -}}
{{- if or (eq .Values.policies.stamp "Always") (and (eq .Values.policies.stamp "Auto") $isServed) -}}
true
{{- end -}}
{{- end -}}
