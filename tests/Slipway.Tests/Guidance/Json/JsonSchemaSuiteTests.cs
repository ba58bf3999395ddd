using System.Text.Json;
using Slipway.Guidance;
using Slipway.Guidance.Json;
using Slipway.Testing;

namespace Slipway.Tests.Guidance.Json;

/// <summary>
/// Holds schemas that are not refused to the official suite: every valid instance can be produced and no invalid one.
/// </summary>
public sealed class JsonSchemaSuiteTests(ITestOutputHelper output)
{
    private const string Folder = "tests/draft2020-12";

    // Formats are held to, where the suite by default takes them for annotations.
    private const string HeldTo = "is only an annotation by default";

    public static TheoryData<string> Files =>
    [
        "additionalProperties", "allOf", "anchor", "anyOf", "boolean_schema", "const", "contains", "content",
        "default", "defs",
        "dependentRequired", "dependentSchemas", "dynamicRef", "enum", "exclusiveMaximum", "exclusiveMinimum", "format",
        "if-then-else", "infinite-loop-detection", "items", "maxContains", "maxItems", "maxLength", "maxProperties",
            "maximum",
        "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern",
        "patternProperties", "prefixItems", "properties", "propertyNames", "ref", "refRemote", "required", "type",
        "unevaluatedItems", "unevaluatedProperties", "uniqueItems", "vocabulary",
    ];

    [Theory]
    [MemberData(nameof(Files))]
    public void Instances_OfTheSuite_CanBeProducedWhereTheyAreValid(string file)
    {
        var result = Run(file);

        output.WriteLine(result.ToString());
        foreach (var refusal in result.Refusals)
        {
            output.WriteLine($"refused: {refusal}");
        }

        Assert.Empty(result.Wrong);
        Assert.All(result.Refusals, refusal => Assert.StartsWith("The JSON schema", refusal, StringComparison.Ordinal));
    }

    [Fact]
    public void Suite_AsAWhole_IsRefusedOnlyWhereItIsKnown()
    {
        Assert.Equal(
            Directory.EnumerateFiles(SharedAssets.Path("json-schema-test-suite", Folder))
            .Select(Path.GetFileNameWithoutExtension).Order(),
            Files.Select(row => row.Data).Order());
        var results = Files.Select(row => Run(row.Data)).ToList();
        var total = results.Aggregate((x, y) => x with
        {
            File = "all",
            Schemas = x.Schemas + y.Schemas,
            Valid = x.Valid + y.Valid,
            Invalid = x.Invalid + y.Invalid,
            Annotations = x.Annotations + y.Annotations,
            Refusals = [.. x.Refusals, .. y.Refusals],
        });
        output.WriteLine(total.ToString());
        foreach (var group in total.Refusals.GroupBy(Reason).OrderByDescending(group => group.Count()))
        {
            output.WriteLine($"{group.Count()} × {group.Key}");
        }

        // README states these counts.
        Assert.Equal(
            (260, 383, 556, 325), (total.Schemas - total.Refusals.Count, total.Schemas, total.Valid, total.Invalid));
    }

    private static string Reason(string refusal)
        => refusal[..Math.Min(refusal.IndexOf(" at '", StringComparison.Ordinal) is >= 0 and var at
            ? at : 80, refusal.Length)];

    private static Result Run(string file)
    {
        using var document = JsonDocument.Parse(
            File.ReadAllBytes(SharedAssets.Path("json-schema-test-suite", Folder, $"{file}.json")));
        var result = new Result(file, 0, 0, 0, 0, [], []);
        foreach (var group in document.RootElement.EnumerateArray())
        {
            result = result with { Schemas = result.Schemas + 1 };
            if (Compile(group.GetProperty("schema"), out var refusal) is not { } automaton)
            {
                var nothing = group.GetProperty("tests").EnumerateArray()
                    .All(test => !test.GetProperty("valid").GetBoolean());
                if (!nothing)
                {
                    result.Refusals.Add(refusal);
                }

                continue;
            }

            foreach (var test in group.GetProperty("tests").EnumerateArray())
            {
                var isValid = test.GetProperty("valid").GetBoolean();
                var isAnnotation = test.GetProperty("description")
                    .GetString()!.EndsWith(HeldTo, StringComparison.Ordinal);
                result = isAnnotation ? result with { Annotations = result.Annotations + 1 }
                    : isValid ? result with { Valid = result.Valid + 1 }
                    : result with { Invalid = result.Invalid + 1 };
                if (automaton.CanProduce(test.GetProperty("data")) != isValid && !isAnnotation)
                {
                    result.Wrong.Add(
                        $"{group.GetProperty("description")}: {test.GetProperty("description")}: "
                        + $"{test.GetProperty("data").GetRawText()} should {(isValid ? "" : "not ")}be possible");
                }
            }
        }

        return result;
    }

    private static GrammarAutomaton? Compile(JsonElement schema, out string refusal)
    {
        refusal = "";
        try
        {
            return new(JsonSchemaCompiler.Compile(schema, ""));
        }
        catch (Exception e) when (e is NotSupportedException or ArgumentException)
        {
            refusal = e.Message;
            return null;
        }
    }

    private sealed record Result(
        string File, int Schemas, int Valid, int Invalid, int Annotations, List<string> Refusals, List<string> Wrong)
    {
        public override string ToString()
            => $"{File}: {Schemas} schemas, {Refusals.Count} refused; {Valid} valid instances can be produced "
                + $"and {Invalid} invalid ones cannot{(Annotations == 0 ? "" : $"; {Annotations} formats held to")}; "
                + $"{Wrong.Count} wrong";
    }
}
