using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Cli.Terminal;

namespace Slipway.Cli.Verbs;

/// <summary>Scores pairs of a query and a passage.</summary>
internal static class RerankVerb
{
    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE")
        {
            Description = "The package folder of a cross-encoder, or of a decoder that answers yes or no.",
        };
        var input = new Option<string>("--input", "-i")
        {
            Description = "A JSON list of pairs, such as [[\"query\", \"passage\"]]; '-' for standard input.",
            Required = true,
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "The safetensors file to write: scores [pairs] and logits [pairs] (float32).",
            Required = true,
        };
        var prompt = new Option<string?>("--prompt-name")
        {
            Description = "The prompt of the model's files to use; '' for none, else the model's default.",
        };
        var instruction = new Option<string?>("--instruction")
        {
            Description = "What a decoder is told that a passage must do, in place of a named prompt.",
        };
        var threads = new Option<int?>("--threads")
        {
            Description = "Threads that compute; one a physical core unless told.",
        };
        var providers = new ProviderArguments();
        var json = VerbContext.JsonOption();
        var command = new Command(
            "rerank", "Score pairs of texts. Example: slipway rerank package -i pairs.json -o scores.safetensors")
        {
            package, input, output, prompt, instruction, threads, json,
        };
        providers.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var pairs = InputFile.ReadPairs(context, result.GetRequiredValue(input));
            using var reranker = new OnnxReranker(new OnnxRerankerOptions
            {
                PackagePath = result.GetRequiredValue(package),
                PromptName = result.GetValue(prompt),
                Instruction = result.GetValue(instruction),
                Threads = result.GetValue(threads),
                ExecutionProviders = providers.Names(result),
                ExecutionProviderOptions = providers.Options(result),
            });
            var scores = await reranker.ScoreAsync(pairs, cancellationToken).ConfigureAwait(false);
            float[] values = [.. scores.Select(score => score.Score)];
            float[] logits = [.. scores.Select(score => score.Logit)];
            SafetensorsWriter.Write(
                result.GetRequiredValue(output),
                [
                    SafetensorsEntry.From("scores", values, [values.Length]),
                    SafetensorsEntry.From("logits", logits, [logits.Length]),
                ]);
            if (result.GetValue(json))
            {
                context.WriteJson(new JsonObject
                {
                    ["scores"] = new JsonArray([.. values.Select(value => (JsonNode)value)]),
                    ["logits"] = new JsonArray([.. logits.Select(value => (JsonNode)value)]),
                });
            }
            else
            {
                context.Output.WriteLine($"{values.Length} scores in '{result.GetValue(output)}'");
            }

            return 0;
        });
        return command;
    }
}
