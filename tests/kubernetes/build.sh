#!/bin/bash
# build.sh FOLDER: kube-apiserver, kube-controller-manager and kube-scheduler in FOLDER/bin, from Debian's source package
# of Kubernetes with Debian's Go. Does nothing where they are there already. Takes about ten minutes on two cores, and 4 GB below
# FOLDER while it builds, of which 300 MB stay. Nothing of the system is changed; the packages that it needs are named by
# tools/install-needs (kubernetes).
set -eu
folder=${1:?usage: build.sh FOLDER}
programs='kube-apiserver kube-controller-manager kube-scheduler'
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

missing=
for program in $programs; do
	[ -x "$folder/bin/$program" ] || missing="$missing $program"
done
[ "$missing" ] || exit 0

for tool in go rsync dpkg-source apt-get; do
	type $tool > /dev/null || { echo "build.sh: $tool is not there" >&2; exit 1; }
done
# The package's place in the archive comes from a list of our own: the system's need not name sources.
mkdir -p "$folder/apt/lists/partial" "$folder/source" "$folder/bin"
echo 'deb-src http://deb.debian.org/debian bookworm main' > "$folder/apt/sources.list"
apt="apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList=$folder/apt/sources.list -o Dir::Etc::SourceParts=-
	-o Dir::State::Lists=$folder/apt/lists -o Dir::Cache=$folder/apt"
cd "$folder/source"
tree=$(find . -maxdepth 1 -type d -name 'kubernetes-*' | head -n 1)
if [ ! "$tree" ]; then
	$apt update
	$apt source kubernetes
	tree=$(find . -maxdepth 1 -type d -name 'kubernetes-*' | head -n 1)
fi
# The reflect2 that came with the source crashes in programs made by Go 1.18 and later.
rm -rf "$tree/vendor/github.com/modern-go/reflect2"
cp -rL /usr/share/gocode/src/github.com/modern-go/reflect2 "$tree/vendor/github.com/modern-go/"

cd "$tree"
mkdir -p .go/src/k8s.io
[ -L .go/src/k8s.io/kubernetes ] || ln -s ../../.. .go/src/k8s.io/kubernetes
export GOPATH=$PWD/.go HOME=$folder/home GOCACHE=$folder/cache CGO_ENABLED=0 PATH=/usr/lib/go/bin:$PATH
unset MAKEFLAGS MAKELEVEL MFLAGS
# One after the other, so that what is done stays when it is interrupted.
for program in $missing; do
	nice -n 5 make WHAT="cmd/$program" GOFLAGS=-p=2 GOLDFLAGS='-s -w'
	cp "_output/bin/$program" "$folder/bin/"
done
cd "$folder"
chmod -R u+w source cache home 2>/dev/null || :
rm -rf source cache home apt
