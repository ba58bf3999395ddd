using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Cli.Terminal;
using Slipway.Packaging;

namespace Slipway.Cli.Verbs;

/// <summary>Labels texts, pairs of texts, or the tokens of texts.</summary>
internal static class ClassifyVerb
{
    private const string Safetensors = ".safetensors";

    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE")
        {
            Description = "The package folder of a model for sequence or token classification.",
        };
        var input = new Option<string>("--input", "-i")
        {
            Description = "A JSON list of strings, or of pairs of them; '-' for standard input.",
            Required = true,
        };
        var output = new Option<string?>("--output", "-o")
        {
            Description =
                "A file to write: scores and logits [texts, labels] (float32) where it ends in .safetensors, else the "
                + "document that --json writes.",
        };
        var aggregation = new Option<TokenAggregation>("--aggregation")
        {
            Description = "How labelled tokens are joined to spans.",
            DefaultValueFactory = _ => TokenAggregation.Simple,
        };
        var stride = new Option<int?>("--stride")
        {
            Description = "Tokens that windows of a text share which is longer than the context; cut off unless told.",
        };
        var threads = new Option<int?>("--threads")
        {
            Description = "Threads that compute; one a physical core unless told.",
        };
        var providers = new ProviderArguments();
        var json = VerbContext.JsonOption();
        var command = new Command(
            "classify", "Label texts, pairs or tokens. Example: slipway classify package -i texts.json --json")
        {
            package, input, output, aggregation, stride, threads, json,
        };
        providers.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var folder = result.GetRequiredValue(package);
            var items = InputFile.ReadTextsOrPairs(context, result.GetRequiredValue(input));
            var path = result.GetValue(output);
            var labelled = LabelsTokens(folder)
                ? await FindSpansAsync(
                    new OnnxTokenClassifierOptions
                    {
                        PackagePath = folder,
                        Threads = result.GetValue(threads),
                        ExecutionProviders = providers.Names(result),
                        ExecutionProviderOptions = providers.Options(result),
                        Aggregation = result.GetValue(aggregation),
                        Stride = result.GetValue(stride),
                    },
                    items, path, cancellationToken).ConfigureAwait(false)
                : await LabelAsync(
                    new OnnxTextClassifierOptions
                    {
                        PackagePath = folder,
                        Threads = result.GetValue(threads),
                        ExecutionProviders = providers.Names(result),
                        ExecutionProviderOptions = providers.Options(result),
                    },
                    items, cancellationToken).ConfigureAwait(false);
            Write(context, labelled, path, result.GetValue(json));
            return 0;
        });
        return command;
    }

    private static bool LabelsTokens(string folder)
        => EncoderPackage.Open(folder).Manifest.Architecture?.EndsWith(
            "ForTokenClassification", StringComparison.Ordinal) == true;

    private static async Task<Labelled> LabelAsync(
        OnnxTextClassifierOptions options, TextsOrPairs items, CancellationToken cancellationToken)
    {
        using var classifier = new OnnxTextClassifier(options);
        var results = items.Texts is { } texts
            ? await classifier.ClassifyAsync(texts, cancellationToken).ConfigureAwait(false)
            : await classifier.ClassifyAsync(items.Pairs!, cancellationToken).ConfigureAwait(false);
        JsonObject document = new()
        {
            ["labels"] = new JsonArray([
                .. (results.Count > 0 ? results[0].Scores : []).Select(label => (JsonNode)label.Label)]),
            ["results"] = new JsonArray([.. results.Select(text => (JsonNode)new JsonObject
            {
                ["label"] = text.Best.Label,
                ["score"] = text.Best.Score,
                ["scores"] = new JsonArray([.. text.Scores.Select(label => (JsonNode)label.Score)]),
                ["logits"] = new JsonArray([.. text.Scores.Select(label => (JsonNode)label.Logit)]),
            })]),
        };
        return new Labelled(
            document, [.. results.Select(text => $"{text.Best.Label} {Amounts.Number(text.Best.Score, "0.0000")}")],
            results);
    }

    private static async Task<Labelled> FindSpansAsync(
        OnnxTokenClassifierOptions options, TextsOrPairs items, string? path, CancellationToken cancellationToken)
    {
        var texts = items.Texts ?? throw new UsageException(
            $"'{options.PackagePath}' labels tokens of single texts; give a JSON list of strings, no pairs.");
        if (path?.EndsWith(Safetensors, StringComparison.OrdinalIgnoreCase) == true)
        {
            throw new UsageException(
                $"Spans are no tensors; give --output a name that ends in .json in place of '{path}'.");
        }

        using var classifier = new OnnxTokenClassifier(options);
        var results = await classifier.ClassifyAsync(texts, cancellationToken).ConfigureAwait(false);
        JsonObject document = new()
        {
            ["results"] = new JsonArray([.. results.Select(spans => (JsonNode)new JsonArray([.. spans.Select(
                span => (JsonNode)new JsonObject
                {
                    ["label"] = span.Label,
                    ["score"] = span.Score,
                    ["start"] = span.Start,
                    ["end"] = span.End,
                    ["text"] = span.Text,
                })]))]),
        };
        return new Labelled(
            document, [.. results.Select(spans => string.Join("; ", spans.Select(
                span => $"{span.Label} '{span.Text}' {Amounts.Number(span.Score, "0.0000")}")))], []);
    }

    private static void Write(VerbContext context, Labelled labelled, string? path, bool json)
    {
        if (path?.EndsWith(Safetensors, StringComparison.OrdinalIgnoreCase) == true)
        {
            long[] shape = [labelled.Texts.Count, labelled.Texts.Count == 0 ? 0 : labelled.Texts[0].Scores.Count];
            SafetensorsWriter.Write(
                path, [Tensor("scores", label => label.Score), Tensor("logits", label => label.Logit)]);

            SafetensorsEntry Tensor(string name, Func<LabelScore, float> value) => SafetensorsEntry.From(
                name, [.. labelled.Texts.SelectMany(text => text.Scores.Select(value))], shape);
        }
        else if (path is not null)
        {
            File.WriteAllText(path, VerbContext.ToText(labelled.Document));
        }

        if (json)
        {
            context.WriteJson(labelled.Document);
        }
        else if (path is not null)
        {
            context.Output.WriteLine($"{labelled.Lines.Count} texts in '{path}'");
        }
        else
        {
            foreach (var line in labelled.Lines)
            {
                context.Output.WriteLine(line);
            }
        }
    }

    private sealed record Labelled(
        JsonObject Document, IReadOnlyList<string> Lines, IReadOnlyList<TextClassification> Texts);
}
