using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Adapters;

// An adapter_config.json: ranks and scales by module. What would change the arithmetic and is not known is refused.
internal sealed class LoraSettings
{
    public const string FileName = "adapter_config.json";
    private static readonly TimeSpan PatternTime = TimeSpan.FromSeconds(1);

    // Variants with an arithmetic of their own.
    private static readonly string[] Unsupported =
    [
        "use_qalora", "use_bdlora", "alora_invocation_tokens", "layer_replication", "target_parameters", "arrow_config",
        "kasa_config", "monteclora_config", "velora_config",
    ];

    private readonly JsonObject _json;
    private readonly string _path;

    public LoraSettings(JsonObject json, string path)
    {
        _json = json;
        _path = path;
        if (Text("peft_type") is not "LORA" and var type)
        {
            throw new CheckpointException(
                $"The adapter '{path}' is of the type '{type ?? "none"}'; expected 'LORA'.", path);
        }

        foreach (var key in Unsupported.Where(key => json[key] is { } value && !IsOff(value)))
        {
            throw new CheckpointException(
                $"'{key}' of the adapter '{path}' is '{JsonFile.Describe(json[key])}', which cannot be merged; " +
                "expected it unset. Merge the adapter with PEFT instead.", path);
        }
    }

    public string? BaseModel => Text("base_model_name_or_path");

    public bool IsTransposed => Flag("fan_in_fan_out");

    // Whether what was trained on an embedding was trained on the head that is tied to it too.
    public bool TiesWeights => Flag("ensure_weight_tying");

    // The ids of the tokens whose rows of a module were trained; the same for all, or by the module's name.
    public IReadOnlyList<int> TokenIds(string module)
    {
        const string key = "trainable_token_indices";
        var node = _json[key] is JsonObject named
            ? named.FirstOrDefault(pair => $".{module}".EndsWith($".{pair.Key}", StringComparison.Ordinal)).Value
            : _json[key];
        return node is JsonArray list
            && list.All(item => item is JsonValue id && id.TryGetValue<int>(out var number) && number >= 0)
            ? [.. list.Select(item => item!.GetValue<int>())]
            : throw new CheckpointException(
                $"'{key}' of the adapter '{_path}' is '{JsonFile.Describe(_json[key])}', which names no tokens for "
                + $"'{module}', whose rows the adapter holds; expected their ids. Take tensors and configuration from "
                + "one folder that PEFT saved.", _path, module);
    }

    // The factor of a module's product, whose rank its tensors tell.
    public double Scale(string module, int rank)
    {
        var expected = (int)Number("rank_pattern", module, "r");
        if (expected != rank)
        {
            throw new CheckpointException(
                $"The adapter '{_path}' gives '{module}' the rank {expected}, but its tensors have the rank {rank}. " +
                "Take tensors and configuration from one folder that PEFT saved.", _path, module);
        }

        var alpha = Number("alpha_pattern", module, "lora_alpha");
        return alpha / (Flag("use_rslora") ? Math.Sqrt(rank) : rank);
    }

    // The value of the first pattern that the module's name ends with; else the common one.
    private double Number(string patterns, string module, string common)
    {
        var node = (_json[patterns] as JsonObject)?.FirstOrDefault(pattern => Matches(pattern.Key, module)).Value
            ?? _json[common];
        return node is JsonValue value && value.GetValueKind() == JsonValueKind.Number &&
            value.TryGetValue(out double number) && double.IsFinite(number)
            ? number
            : throw new CheckpointException(
                $"'{common}' of the adapter '{_path}' is '{JsonFile.Describe(node)}' for '{module}'; expected a "
                + "number.",
                _path, module);
    }

    private bool Matches(string pattern, string module)
    {
        try
        {
            return Regex.IsMatch(module, $@"^(.*\.)?({pattern})$", RegexOptions.CultureInvariant, PatternTime);
        }
        catch (Exception error) when (error is ArgumentException or RegexMatchTimeoutException)
        {
            throw new CheckpointException(
                $"The adapter '{_path}' has the pattern '{pattern}', which is no regular expression that can be " +
                $"used: {error.Message}", _path, module, error);
        }
    }

    private string? Text(string key) =>
        _json[key] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;

    private bool Flag(string key) => _json[key] is JsonValue value && value.GetValueKind() == JsonValueKind.True;

    private static bool IsOff(JsonNode value) => value switch
    {
        JsonArray list => list.Count == 0,
        JsonObject section => section.Count == 0,
        _ => value.GetValueKind() is JsonValueKind.False or JsonValueKind.Null,
    };
}
