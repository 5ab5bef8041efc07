# shellcheck shell=bash
# debian.sh: real projects, which nobody here wrote, from Debian's source packages.
#
# The mirror is the one this machine's apt knows. Nothing of apt's own configuration or lists is
# changed: lists, cache and sources list are private, below a given folder.
#
#   debian_open FOLDER            fetches the index of source packages; false: DEBIAN_WHY says why not
#   project_get NAME FOLDER       unpacks project NAME into FOLDER and makes it ready to build; sets
#                                 PROJECT_TITLE, PROJECT_KIND and PROJECT_BUILD (a command for sh -c,
#                                 which runs in FOLDER; $SHIM is muster-cc's path or empty, $JOBS a
#                                 number)
#
# NAME is lua (C, 34 files), tomcrypt (C, 408), abseil (C++, heavy headers, 80), lzo (C, a configure
# script and libtool), or own (this repository's sources, when there is no network).

# shellcheck disable=SC2034 # for the scripts
DEBIAN_WHY=''
APT_OPTIONS=()

debian_open()
{
	local folder=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg codename
	if ! command -v apt-get >/dev/null; then
		DEBIAN_WHY='no apt-get on this machine'
		return 1
	fi
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
	[ -e "$keyring" ] && keyring="[signed-by=$keyring] " || keyring=''
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
		awk -v codename="$codename" -v key="$keyring" \
			'$2 == codename && $3 == "main" && !seen[$1]++ { print "deb-src " key $1 " " $2 " main" }' \
			> "$folder/sources.list"
	if [ ! -s "$folder/sources.list" ]; then
		DEBIAN_WHY="apt knows no mirror of Debian $codename"
		return 1
	fi
	APT_OPTIONS=(-q -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=-
		-o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache"
		-o APT::Sandbox::User= -o Acquire::Retries=1 -o Acquire::http::Timeout=20)
	[ "$(id -u)" = 0 ] || APT_OPTIONS+=(-o Debug::NoLocking=1)
	if ! timeout 120 apt-get "${APT_OPTIONS[@]}" -o APT::Update::Error-Mode=any update \
		> "$folder/log" 2>&1; then
		DEBIAN_WHY='the mirror of Debian cannot be reached'
		return 1
	fi
}

# Unpacks the upstream sources of PACKAGE, without their top folder, into FOLDER.
debian_source()
{
	local package=$1 folder=$2 tar
	rm -rf "$folder.download"
	mkdir -p "$folder.download" "$folder"
	(cd "$folder.download" && timeout 120 apt-get "${APT_OPTIONS[@]}" source --download-only "$package") \
		> "$folder.download/log" 2>&1 || return 1
	for tar in "$folder.download"/*.orig.tar.*; do
		case $tar in *.asc) continue ;; esac
		tar -xf "$tar" -C "$folder" --strip-components=1 --no-same-owner || return 1
	done
	PROJECT_TITLE=$(cd "$folder.download" && echo ./*.orig.tar.* | sed 's|^\./||; s/\.orig.*//; s/_/ /')
	rm -rf "$folder.download"
}

# shellcheck disable=SC2016 # sh expands these
project_get()
{
	local folder=$2
	case $1 in
	lua)
		debian_source lua5.4 "$folder" || return
		PROJECT_KIND=C
		PROJECT_BUILD='make -s -j$JOBS linux MYCFLAGS="-g -MMD"'
		;;
	tomcrypt)
		debian_source libtomcrypt "$folder" || return
		PROJECT_KIND=C
		PROJECT_BUILD='make -s -j$JOBS -f makefile.unix CC=gcc CFLAGS="-O1 -g -MMD" libtomcrypt.a'
		;;
	abseil)
		debian_source abseil "$folder" || return
		PROJECT_KIND=C++
		project_makefile "$folder" 'g++ -std=c++17 -g -I.' \
			"$(cd "$folder" && find absl/base absl/strings absl/numeric absl/time absl/status \
				absl/debugging absl/hash -name '*.cc' | grep -v -e test -e benchmark | LC_ALL=C sort)"
		PROJECT_BUILD='make -s -j$JOBS'
		;;
	lzo)
		debian_source lzo2 "$folder" || return
		PROJECT_KIND='C, configure'
		PROJECT_BUILD='./configure --quiet CC="${SHIM:+$SHIM }gcc" && make -s -j$JOBS'
		;;
	own)
		mkdir -p "$folder"
		cp -a "$(dirname "${BASH_SOURCE[0]}")/../../src" "$folder/"
		PROJECT_TITLE=muster PROJECT_KIND=C
		project_makefile "$folder" 'gcc -std=gnu17 -D_GNU_SOURCE -DMUSTER_VERSION=\"0\" -O1 -g -Isrc' \
			"$(cd "$folder" && find src -name '*.c' | LC_ALL=C sort)"
		PROJECT_BUILD='make -s -j$JOBS'
		;;
	esac
}

# A makefile that compiles each of SOURCES (lines) beside itself.
project_makefile()
{
	printf '%s\n' "$3" | awk -v command="$2" '
		{ object = $0; sub(/\.[a-z]*$/, ".o", object); all = all " " object
		  rules = rules object ": " $0 "\n\t@" command " -MMD -c " $0 " -o " object "\n" }
		END { printf "all:%s\n%s", all, rules }' > "$1/Makefile"
}
