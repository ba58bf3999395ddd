using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Quantized;

// The 'quantization_config' of a config.json, or the quantize_config.json of older GPTQ checkpoints.
internal sealed record PackedSettings(string Method, int Bits, int GroupSize, string Version)
{
    private const string OldFile = "quantize_config.json";

    public static PackedSettings Read(Checkpoint checkpoint)
    {
        var section = checkpoint.Config["quantization_config"] as JsonObject;
        if (section is null && checkpoint.ReadFile(OldFile) is { } json)
        {
            section = JsonFile.Parse(json, System.IO.Path.Combine(CheckpointFolder.Of(checkpoint.Path), OldFile));
            section["quant_method"] ??= "gptq";
        }

        if (section is null)
        {
            throw new CheckpointException(
                $"The checkpoint '{checkpoint.Path}' holds packed codes ('.qweight'), but its configuration has no "
                + "'quantization_config' that says how to read them. Put the 'config.json' or 'quantize_config.json' "
                + "that was published with these weights beside them.", checkpoint.Path);
        }

        var version = Text(section, "checkpoint_format") ?? Text(section, "version") ?? "";
        return new PackedSettings(
            Text(section, "quant_method") ?? throw Bad(checkpoint, section, "quant_method", "a text"),
            Whole(checkpoint, section, "bits"), Whole(checkpoint, section, "group_size"), version);
    }

    private static CheckpointException Bad(
        Checkpoint checkpoint, JsonObject section, string key, string expected) => new(
        $"'quantization_config.{key}' in the configuration of '{checkpoint.Path}' is " +
        $"'{JsonFile.Describe(section[key])}'; expected {expected}. Put the configuration that was published " +
        "with these weights beside them.",
        checkpoint.Path);

    private static string? Text(JsonObject section, string key) =>
        section[key] is JsonValue value && value.GetValueKind() == JsonValueKind.String
            ? value.GetValue<string>()
            : null;

    private static int Whole(Checkpoint checkpoint, JsonObject section, string key) =>
        section[key] is JsonValue value && value.TryGetValue<int>(out var number)
            ? number
            : throw Bad(checkpoint, section, key, "a whole number");
}
