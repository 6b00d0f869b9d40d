#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bash completion, as bash uses it. Argument: the afterimage program.
set -euo pipefail
source <("$1" completion bash)

# complete WORD...: what is offered for the last word
complete_words() {
  COMP_WORDS=(afterimage "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _afterimage
  printf '%s ' "${COMPREPLY[@]}"
}
failed=0
expect() {
  local wanted=$1
  shift
  local offered
  offered=$(complete_words "$@")
  if [[ " $offered" != *" $wanted "* ]]; then
    echo "afterimage $*: '$wanted' is not offered, but: $offered"
    failed=1
  fi
}
expect protect pro
expect status st
expect init host ''
expect --store host init --st
expect revoke peers re
expect --delete-replica unprotect web1 --d
expect cancel jobs 7 c
expect verify segment v
expect zsh completion z
exit "$failed"
