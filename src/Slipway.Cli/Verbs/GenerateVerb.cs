using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.Cli.Verbs;

/// <summary>Continues a prompt without a chat template.</summary>
internal static class GenerateVerb
{
    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE") { Description = "A package folder." };
        var prompt = new Option<string?>("--prompt", "-p") { Description = "The text to continue." };
        var inputIds = new Option<string?>("--input-ids") { Description = "The token ids to continue, such as 1,2,3." };
        var maxTokens = new Option<int>("--max-tokens")
        {
            Description = "The most tokens to generate.",
            DefaultValueFactory = _ => 128,
        };
        var ignoreEos = new Option<bool>("--ignore-eos") { Description = "Go on past the end of an answer." };
        var sampling = new SamplingArguments();
        var adapter = new Option<string?>("--adapter") { Description = "The package's LoRA adapter to answer with." };
        var resources = new ModelArguments(context);
        var json = VerbContext.JsonOption();
        var command = new Command(
            "generate",
            "Continue a text, greedily unless told. Example: slipway generate package -p \"Once upon a time\"")
        {
            package, prompt, inputIds, maxTokens, ignoreEos, adapter, json,
        };
        sampling.AddTo(command);
        resources.AddTo(command);
        command.Validators.Add(result =>
        {
            if ((result.GetValue(prompt) is null) == (result.GetValue(inputIds) is null))
            {
                result.AddError("Give either --prompt or --input-ids.");
            }
        });
        command.SetAction(async (result, cancellationToken) =>
        {
            using var model = LanguageModel.Load(
                result.GetRequiredValue(package),
                resources.Read(result) with { DraftModel = sampling.DraftModel(result) });
            var ids = result.GetValue(inputIds) is { } list
                ? ParseIds(list)
                : model.Tokenizer.Encode(result.GetValue(prompt)!, addSpecialTokens: true);
            var request = new GenerationRequest
            {
                PromptIds = ids,
                MaxOutputTokens = result.GetValue(maxTokens),
                IgnoreEndOfSequence = result.GetValue(ignoreEos),
                StopSequences = sampling.StopSequences(result),
                Sampling = sampling.Read(result),
                Adapter = result.GetValue(adapter),
                DraftTokens = sampling.DraftTokens(result),
            };
            var tokens = new List<GeneratedToken>();
            await foreach (var token in model.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
            {
                tokens.Add(token);
                if (!result.GetValue(json))
                {
                    await context.Output.WriteAsync(token.Text).ConfigureAwait(false);
                    await context.Output.FlushAsync(cancellationToken).ConfigureAwait(false);
                }
            }

            if (result.GetValue(json))
            {
                context.WriteJson(ToJson(tokens));
            }
            else
            {
                await context.Output.WriteLineAsync().ConfigureAwait(false);
            }

            return 0;
        });
        return command;
    }

    private static JsonObject ToJson(List<GeneratedToken> tokens)
    {
        var usage = tokens[^1].Usage!;
        return new JsonObject
        {
            ["ids"] = new JsonArray([.. tokens.Select(token => (JsonNode)token.Id)]),
            ["text"] = tokens.Aggregate(new StringBuilder(), (text, token) => text.Append(token.Text)).ToString(),
            ["finish_reason"] = tokens[^1].FinishReason == FinishReason.Stop ? "stop" : "length",
            ["usage"] = UsageJson.Of(usage),
            ["timing"] = new JsonObject
            {
                ["time_to_first_token_seconds"] = Math.Round(usage.TimeToFirstToken.TotalSeconds, 4),
                ["prefill_tokens_per_second"] = Rate(usage.PromptTokens, usage.PrefillTime),
                ["decode_tokens_per_second"] = Rate(usage.OutputTokens - 1, usage.DecodeTime),
            },
        };
    }

    private static double Rate(int tokens, TimeSpan time) =>
        tokens > 0 && time > TimeSpan.Zero ? Math.Round(tokens / time.TotalSeconds, 1) : 0;

    internal static int[] ParseIds(string list) =>
    [
        .. list.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                ? id
                : throw new UsageException($"'{text}' in --input-ids is no token id; expected numbers such as 1,2,3.")),
    ];
}
