using System.Text.Json;
using Slipway.Guidance;
using Slipway.Guidance.Json;
using Slipway.Testing;

namespace Slipway.Tests.Guidance;

/// <summary>Holds schemas that are not refused to the official suite: no invalid document can be produced.</summary>
public sealed class JsonSchemaSuiteTests(ITestOutputHelper output)
{
    [Fact]
    public void InvalidInstance_OfAnySchemaThatIsTaken_CannotBeProduced()
    {
        var (schemas, refused, valid, produced, invalid) = (0, 0, 0, 0, 0);
        var wrong = new List<string>();
        foreach (var file in Directory.EnumerateFiles(SharedAssets.Path("json-schema-test-suite", "tests", "draft2020-12")))
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            foreach (var group in document.RootElement.EnumerateArray())
            {
                schemas++;
                if (TryCompile(group.GetProperty("schema")) is not { } automaton)
                {
                    refused++;
                    continue;
                }

                foreach (var test in group.GetProperty("tests").EnumerateArray())
                {
                    var accepted = automaton.Accepts(JsonSerializer.Serialize(test.GetProperty("data")));
                    if (test.GetProperty("valid").GetBoolean())
                    {
                        valid++;
                        produced += accepted ? 1 : 0;
                    }
                    else
                    {
                        invalid++;
                        if (accepted)
                        {
                            wrong.Add($"{Path.GetFileName(file)}: {group.GetProperty("description")}: {test.GetProperty("data")}");
                        }
                    }
                }
            }
        }

        output.WriteLine($"{schemas} schemas, {refused} refused; {invalid} invalid instances; {produced} of {valid} valid ones can be produced.");
        Assert.Empty(wrong);
        Assert.True(produced > 100, "Hardly anything was tested.");
    }

    private static GrammarAutomaton? TryCompile(JsonElement schema)
    {
        try
        {
            return new(JsonSchemaCompiler.Compile(schema, ""));
        }
        catch (Exception e) when (e is NotSupportedException or ArgumentException)
        {
            Assert.StartsWith("The JSON schema", e.Message, StringComparison.Ordinal);
            return null;
        }
    }
}
