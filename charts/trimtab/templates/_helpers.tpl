{{- define "trimtab.name" -}}
{{- if contains "trimtab" .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- else -}}{{ printf "%s-trimtab" (.Release.Name | trunc 32 | trimSuffix "-") }}{{- end -}}
{{- end -}}

{{- define "trimtab.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: trimtab
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels by which a Deployment of this chart finds its pods; takes (list $ "component"). */}}
{{- define "trimtab.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/name: {{ index . 1 }}
{{- end -}}

{{/* `repository:tag`; takes (list $ .Values.operator.image). */}}
{{- define "trimtab.image" -}}
{{ (index . 1).repository }}:{{ (index . 1).tag | default (index . 0).Chart.AppVersion }}
{{- end -}}

{{/* What Pod Security `restricted` asks of a pod. */}}
{{- define "trimtab.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* And of each container. */}}
{{- define "trimtab.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "trimtab.pullSecrets" -}}
{{- range .Values.imagePullSecrets }}
- name: {{ . }}
{{- end }}
{{- end -}}

{{- define "trimtab.objectStore" -}}
{{ include "trimtab.name" . }}-object-store
{{- end -}}

{{- define "trimtab.objectStoreEndpoint" -}}
http://{{ include "trimtab.objectStore" . }}.{{ .Release.Namespace }}.svc:7070
{{- end -}}
