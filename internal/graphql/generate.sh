#!/usr/bin/env bash
# Makes package exec of the schema. With --check it only says whether it would
# make something else.
set -euo pipefail
cd "$(dirname "$0")"

made=exec/generated.go
work=$(mktemp -d ./generate.XXXXXX)
trap 'rm -rf "$work"' EXIT
cp "$made" "$work/before" 2>/dev/null || :

# Filters are read by one function, whatever their fields, and not by code for
# each of some hundred fields: for the generator they are scalars.
cp schema/*.graphqls "$work"
perl -0pi -e 's/input (\w+FiltersInput) \{.*?\n\}/scalar $1/sg' "$work/filters.graphqls"
sed "s#schema/\*#$work/*#" gqlgen.yml >"$work/gqlgen.yml"
cp "$work/gqlgen.yml" "$work.yml"
trap 'rm -rf "$work" "$work.yml"' EXIT
go tool -modfile=../../tools/go.mod gqlgen generate --config "$work.yml"

# gqlgen would parse its schema when the process starts, which every command and
# every worker would pay for. The whole one is given to it by who needs it.
perl -0pi -e '
  s/var sources = \[\]\*ast\.Source\{.*?\n\}\nvar parsedSchema = gqlparser\.MustLoadSchema\(sources\.\.\.\)\n//s or die "gqlgen keeps its schema elsewhere now";
  s/\bparsedSchema\b/nil/g;
  s/\t"github\.com\/vektah\/gqlparser\/v2"\n|\tgqlparser "github\.com\/vektah\/gqlparser\/v2"\n//;
' "$made"

# What is not there is null where the schema allows it: the zero values of the
# domain mean just that.
perl -0pi -e '
  s/(\) marshalO(?:String|ID|Int|Float|Size|Duration|Time)2(?:string|int|int64|float64|githubᚗcomᚋratchetᚑrunnerᚋratchetᚑgoᚐ(?:Size|Duration|Reason)|timeᚐTime)\(ctx context\.Context, sel ast\.SelectionSet, v ([^\s)]+)\) graphql\.Marshaler \{\n)/$1\tvar zero $2\n\tif v == zero {\n\t\treturn graphql.Null\n\t}\n/g;
' "$made"
# Items of lists and their fields need no goroutine each: see exec/resolve.go. Nor
# is anything deferred: answers are whole.
perl -0pi -e '
  s/graphql\.MarshalSliceConcurrently\(/marshalSlice(/g;
  s/out\.ResolveConcurrently\(ec\.OperationContext, &deferred, /resolveNow(ctx, ec.OperationContext, out, /g;
  s/\t"math"\n//;
  s/\tdeferred := graphql\.NewDeferredGroup\(ctx\)\n//g;
  s/\tif n := len\(deferred\.Defers\); n > 0 \{\n.*?\n\t\}\n//sg;
' "$made"
go tool -modfile=../../tools/go.mod gofumpt -w "$made"
# Values like names and times need no context of their own each, of which a list has
# thousands: see exec/resolve.go.
perl -0pi -e '
  s/(\treturn )graphql\.ResolveField(\(\n(?:(?!\n}\n).)*?\n}\n\nfunc \(ec \*executionContext\) fieldContext_\w+\([^\n]*\{\n\treturn graphql\.NewScalarFieldContext\("\w+", field, (?:true|false), false,)/$1resolveLeaf$2/sg;
' "$made"

if [ "${1:-}" = --check ] && ! cmp -s "$work/before" "$made"; then
  cp "$work/before" "$made"
  echo "$made is not made of the schema as it is: run make generate" >&2
  exit 1
fi
