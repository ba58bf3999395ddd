using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export.Architectures;
using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Packaging;

namespace Slipway.Export;

/// <summary>Writes what a package says about its model.</summary>
internal static class PackageDescription
{
    public static GenAIConfig Config(
        Checkpoint checkpoint, ConfigReader config, DecoderArchitecture architecture, string graphFile,
        int contextLength, GenAISlidingWindow? window)
    {
        var sizes = architecture.Sizes(config);
        var generation = Generation(checkpoint);
        return new GenAIConfig
        {
            Model = new GenAIModel
            {
                Type = architecture.PackageType,
                VocabSize = sizes.VocabularySize,
                ContextLength = contextLength,
                BosTokenId = Id(generation, config, "bos_token_id"),
                EosTokenId = EndIds(checkpoint, generation, config),
                PadTokenId = Id(generation, config, "pad_token_id"),
                Decoder = new GenAIDecoder
                {
                    Filename = graphFile,
                    HeadSize = HeadLayout.Widened(sizes.HeadDim),
                    HiddenSize = sizes.HiddenSize,
                    NumAttentionHeads = sizes.Heads,
                    NumKeyValueHeads = sizes.KeyValueHeads,
                    NumHiddenLayers = sizes.CachedLayers,
                    Inputs = Names(
                        architecture.States, "past", "past_key_values", "input_ids", "attention_mask"),
                    Outputs = Names(architecture.States, "present", "present", "logits"),
                    SlidingWindow = window,
                    SessionOptions = new JsonObject { ["provider_options"] = new JsonArray() },
                },
            },
            Search = new GenAISearch
            {
                DoSample = generation.Flag("do_sample", false),
                Temperature = generation.Number("temperature", 1),
                TopK = (int)Math.Clamp(generation.Number("top_k", 50), 0, int.MaxValue),
                TopP = generation.Number("top_p", 1),
                RepetitionPenalty = generation.Number("repetition_penalty", 1),
                MaxLength = contextLength,
            },
        };
    }

    // Roles, and the names of tensors that have them; '%d' stands for the layer.
    private static Dictionary<string, string> Names(
        IReadOnlyList<string> states, string role, string prefix, params string[] plain)
    {
        var names = plain.ToDictionary(name => name);
        names[$"{role}_key_names"] = $"{prefix}.%d.key";
        names[$"{role}_value_names"] = $"{prefix}.%d.value";
        foreach (var state in states)
        {
            names[$"{role}_{state}_names"] = $"{prefix}.%d.{state}";
        }

        return names;
    }

    private static ConfigReader Generation(Checkpoint checkpoint)
    {
        const string file = "generation_config.json";
        return new ConfigReader(TextFiles.Parse(checkpoint, file), $"{checkpoint.Path} ({file})");
    }

    // The files often disagree: a chat template ends its turns with the tokenizer's token.
    private static int[] EndIds(Checkpoint checkpoint, ConfigReader generation, ConfigReader config)
    {
        const string key = "eos_token_id";
        var tokenizer = TokenizerConfig.Read(checkpoint.Path, checkpoint.ReadFile);
        return
        [
            .. generation.TokenIds(key).Concat(config.TokenIds(key))
                .Concat(tokenizer.EndTokenId is { } end ? [end] : []).Distinct(),
        ];
    }

    private static IReadOnlyList<int> Ids(ConfigReader generation, ConfigReader config, string key) =>
        generation.Has(key) ? generation.TokenIds(key) : config.TokenIds(key);

    private static int? Id(ConfigReader generation, ConfigReader config, string key) =>
        Ids(generation, config, key) is [>= 0 and var id, ..] ? id : null;
}
