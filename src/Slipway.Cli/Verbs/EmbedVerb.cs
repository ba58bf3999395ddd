using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Cli.Terminal;

namespace Slipway.Cli.Verbs;

/// <summary>Embeds texts.</summary>
internal static class EmbedVerb
{
    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE")
        {
            Description = "The package folder of a sentence-embedding model.",
        };
        var input = new Option<string>("--input", "-i")
        {
            Description = "A JSON list of strings; '-' for standard input.",
            Required = true,
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "The safetensors file to write: embeddings [texts, dimensions] (float32).",
            Required = true,
        };
        var prompt = new Option<string?>("--prompt-name")
        {
            Description =
                "The prompt before every text, by its name in the model's files; '' for none, else the model's "
                + "default.",
        };
        var dimensions = new Option<int?>("--dimensions")
        {
            Description = "How many of the first numbers to keep, scaled to length 1; all unless told.",
        };
        var threads = new Option<int?>("--threads")
        {
            Description = "Threads that compute; one a physical core unless told.",
        };
        var providers = new ProviderArguments();
        var json = VerbContext.JsonOption();
        var command = new Command(
            "embed", "Embed texts. Example: slipway embed package -i texts.json -o embeddings.safetensors")
        {
            package, input, output, prompt, dimensions, threads, json,
        };
        providers.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var texts = InputFile.ReadTexts(context, result.GetRequiredValue(input));
            using var generator = new OnnxEmbeddingGenerator(new OnnxEmbeddingGeneratorOptions
            {
                PackagePath = result.GetRequiredValue(package),
                PromptName = result.GetValue(prompt),
                Dimensions = result.GetValue(dimensions),
                Threads = result.GetValue(threads),
                ExecutionProviders = providers.Names(result),
                ExecutionProviderOptions = providers.Options(result),
            });
            var embeddings = await generator.GenerateAsync(texts, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
            float[] values = [.. embeddings.SelectMany(embedding => embedding.Vector.ToArray())];
            long[] shape = [embeddings.Count, embeddings.Count == 0 ? 0 : embeddings[0].Vector.Length];
            SafetensorsWriter.Write(
                result.GetRequiredValue(output), [SafetensorsEntry.From("embeddings", values, shape)]);
            if (result.GetValue(json))
            {
                context.WriteJson(new JsonObject
                {
                    ["shape"] = new JsonArray([.. shape.Select(size => (JsonNode)size)]),
                    ["tokens"] = embeddings.Usage!.TotalTokenCount,
                });
            }
            else
            {
                context.Output.WriteLine($"embeddings {TensorInfo.FormatShape(shape)} in '{result.GetValue(output)}'");
            }

            return 0;
        });
        return command;
    }
}
