# SPDX-License-Identifier: GPL-2.0
# bash completion for tunnelctl(8)

# Names as the module knows them; nothing without the right to ask.
_tunnelctl_names()
{
	case $1 in
	tunnel)   tunnelctl tunnel show 2>/dev/null | sed -n 's/^tunnel: //p' ;;
	service)  tunnelctl service show 2>/dev/null | sed -n 's/^service: \([^ ]*\).*/\1/p' ;;
	listener) tunnelctl listener show 2>/dev/null | sed -n 's/^listener: \([^ ]*\).*/\1/p' ;;
	carrier)  tunnelctl carrier show 2>/dev/null | sed -n 's/^carrier: \([^,]*\).*/\1/p' ;;
	session)  tunnelctl session show "$2" 2>/dev/null | sed -n 's/^session: \([^,]*\).*/\1/p' ;;
	esac
}

_tunnelctl_run() # _tunnelctl_run FIRST: number of the word behind `run`
{
	local i=$1

	while ((i < COMP_CWORD)) && [[ ${COMP_WORDS[i]} == --map* ]]; do
		((i++))
		# An entry, which COMP_WORDBREAKS may have cut up, goes on to the next blank.
		while ((i < COMP_CWORD)) && [[ ${COMP_WORDS[i]} != -* && ${COMP_WORDS[i - 1]} != */?* &&
			${COMP_WORDS[i]} != '' ]]; do
			((i++))
		done
	done
	[[ ${COMP_WORDS[i]} != -- || $i -ge $COMP_CWORD ]] || ((i++))
	if ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
		_command_offset "$i"
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--map --' -- "$cur")
	elif ((i < COMP_CWORD)); then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	fi
}

_tunnelctl()
{
	local cur prev words=() word i
	local objects='tunnel service listener route certificate access expose forward egress session carrier stats info flush monitor keygen pubkey run apply save check config'

	COMPREPLY=()
	# An address must stay one word, whatever COMP_WORDBREAKS says of colons.
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n : cur prev
	else
		cur=${COMP_WORDS[COMP_CWORD]}
		prev=${COMP_WORDS[COMP_CWORD - 1]}
	fi
	# Behind `run`, and its options, comes another program with its own completion.
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] || break
	done
	if ((i < COMP_CWORD)) && [[ ${COMP_WORDS[i]} == run ]]; then
		_tunnelctl_run $((i + 1))
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-j --json -a --all -n --dry-run -h --help -V --version' -- "$cur")
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		[[ $word == -* ]] || words+=("$word")
	done

	case ${#words[@]} in
	0)
		mapfile -t COMPREPLY < <(compgen -W "$objects help" -- "$cur")
		return
		;;
	1)
		case ${words[0]} in
		listener | access)
			mapfile -t COMPREPLY < <(compgen -W 'show add del' -- "$cur")
			;;
		tunnel | service | route)
			mapfile -t COMPREPLY < <(compgen -W 'show add del set' -- "$cur")
			;;
		certificate)
			mapfile -t COMPREPLY < <(compgen -W 'show add del alpn' -- "$cur")
			;;
		egress)
			mapfile -t COMPREPLY < <(compgen -W 'show allow deny del' -- "$cur")
			;;
		session | carrier)
			mapfile -t COMPREPLY < <(compgen -W 'show del' -- "$cur")
			;;
		config)
			mapfile -t COMPREPLY < <(compgen -W 'show hash' -- "$cur")
			;;
		keygen | pubkey | apply | check)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			;;
		esac
		return
		;;
	esac

	case "${words[0]} ${words[1]}" in
	'tunnel add')
		case $prev in
		key | psk | ca | certificate) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		cipher) mapfile -t COMPREPLY < <(compgen -W 'aes-128-gcm aes-256-gcm chacha20-poly1305' -- "$cur") ;;
		direct) mapfile -t COMPREPLY < <(compgen -W 'on off admin' -- "$cur") ;;
		dial | listen | peer | name | psk-identity | grace | allow | add | sessions | rate | bandwidth) ;;
		*) mapfile -t COMPREPLY < <(compgen -W 'dial listen peer ca name key certificate psk psk-identity cipher grace allow direct sessions rate bandwidth' -- "$cur") ;;
		esac
		;;
	'tunnel set')
		if ((${#words[@]} == 2)); then
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names tunnel)" -- "$cur")
		elif [[ $prev == key || $prev == psk || $prev == ca || $prev == certificate ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		elif [[ $prev != peer && $prev != name && $prev != psk-identity && $prev != bandwidth && $prev != sessions && $prev != rate ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'peer ca name key certificate psk psk-identity sessions rate bandwidth' -- "$cur")
		fi
		;;
	'tunnel show' | 'tunnel del' | 'session show' | 'carrier show')
		((${#words[@]} == 2)) &&
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names tunnel)" -- "$cur")
		;;
	'session del')
		if ((${#words[@]} == 2)); then
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names tunnel)" -- "$cur")
		elif ((${#words[@]} == 3)); then
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names session "${words[2]}")" -- "$cur")
		fi
		;;
	'carrier del')
		((${#words[@]} == 2)) &&
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names carrier)" -- "$cur")
		;;
	'service add' | 'service del' | 'service set')
		if [[ $prev == tunnel ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names tunnel)" -- "$cur")
		elif [[ $prev == proxy ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'v1 v2' -- "$cur")
		elif [[ ${words[1]} != add ]] && ((${#words[@]} == 2)); then
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names service)" -- "$cur")
		elif [[ ${words[1]} == add ]] && ((${#words[@]} == 3)); then
			mapfile -t COMPREPLY < <(compgen -W socket -- "$cur")
		elif ((${#words[@]} > 2)) && [[ ! $prev =~ ^(owner|allow|deny|sessions|rate|bandwidth|name|ca|alpn|verify)$ ]]; then
			word='tunnel'
			[[ ${words[1]} == del ]] || word+=' allow deny sessions rate bandwidth'
			[[ ${words[1]} != add ]] || word+=' owner name ca alpn verify proxy'
			mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
		fi
		;;
	'egress allow' | 'egress deny' | 'egress del')
		case $prev in
		tunnel) mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names tunnel)" -- "$cur") ;;
		name | network | port | del) ;;
		*)
			word='name network port tunnel'
			[[ ${words[1]} != del ]] || word=tunnel
			mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
			;;
		esac
		;;
	expose\ *)
		if [[ $prev == on ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names tunnel)" -- "$cur")
		elif ((${#words[@]} == 3)); then
			mapfile -t COMPREPLY < <(compgen -W on -- "$cur")
		fi
		;;
	forward\ *)
		if [[ $prev == to ]]; then
			compopt -o nospace 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -S / -W "$(_tunnelctl_names tunnel)" -- "$cur")
		elif ((${#words[@]} == 2)); then
			mapfile -t COMPREPLY < <(compgen -W to -- "$cur")
		fi
		;;
	'listener add')
		if [[ $prev == to ]]; then
			compopt -o nospace 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -S / -W "$(_tunnelctl_names tunnel)" -- "$cur")
		elif ((${#words[@]} > 2)); then
			mapfile -t COMPREPLY < <(compgen -W 'to allow deny proxy mode owner' -- "$cur")
		fi
		;;
	'route add')
		if [[ $prev == to ]]; then
			compopt -o nospace 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -S / -W "$(_tunnelctl_names tunnel)" -- "$cur")
		elif [[ $prev == protocol ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'http1 http2 grpc websocket tls opaque' -- "$cur")
		elif ((${#words[@]} == 2)); then
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names listener)" -- "$cur")
		elif ((${#words[@]} % 2)); then
			mapfile -t COMPREPLY < <(compgen -W 'at sni host path alpn header protocol from to' -- "$cur")
		fi
		;;
	'route set')
		if ((${#words[@]} == 3)); then
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names listener)" -- "$cur")
		fi
		;;
	'access add' | 'access del')
		if ((${#words[@]} == 2)); then
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names listener)" -- "$cur")
		elif ((${#words[@]} == 3)); then
			mapfile -t COMPREPLY < <(compgen -W 'allow deny proxy' -- "$cur")
		fi
		;;
	'certificate add' | 'certificate del' | 'certificate alpn')
		if ((${#words[@]} == 2)); then
			mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names listener)" -- "$cur")
		elif ((${#words[@]} == 3)) || [[ $prev == key ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		elif [[ ${words[1]} == add ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'key alpn' -- "$cur")
		fi
		;;
	'config hash')
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	'listener del' | 'route del')
		mapfile -t COMPREPLY < <(compgen -W "$(_tunnelctl_names listener)" -- "$cur")
		;;
	esac
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

complete -F _tunnelctl tunnelctl
