using System.Text.Json;
using System.Text.RegularExpressions;
using Slipway.Packaging;

namespace Slipway.Engine.Adapters;

/// <summary>Reads an <c>adapter_config.json</c> as PEFT writes it: ranks and scales by module.</summary>
/// <remarks>Settings that would change the arithmetic and are not known here are refused by name.</remarks>
internal sealed class PeftSettings
{
    public const string FileName = "adapter_config.json";
    private const int MaxBytes = 1 << 20;
    private static readonly TimeSpan PatternTime = TimeSpan.FromSeconds(1);

    // Variants with an arithmetic of their own.
    private static readonly string[] Unsupported =
    [
        "use_dora", "use_qalora", "use_bdlora", "alora_invocation_tokens", "layer_replication", "target_parameters",
        "arrow_config", "kasa_config", "monteclora_config", "velora_config", "trainable_token_indices",
    ];

    private readonly JsonElement _root;
    private readonly string _path;

    private PeftSettings(JsonElement root, string path) => (_root, _path) = (root, path);

    /// <summary>The model that the adapter was trained on, for messages.</summary>
    public string BaseModel => Member("base_model_name_or_path") is { ValueKind: JsonValueKind.String } name
        && name.GetString() is { Length: > 0 } text ? $", '{Excerpt.Of(text)}'" : "";

    /// <summary>Reads the file of a folder.</summary>
    /// <exception cref="PackageException">The file is missing, no JSON, or of a kind that cannot be added.</exception>
    public static PeftSettings Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new PackageException(
                path,
                $"The folder '{folder}' holds no '{FileName}'. Give the folder that PEFT's 'save_pretrained' wrote.");
        }

        try
        {
            if (new FileInfo(path).Length > MaxBytes)
            {
                throw Bad(path, $"is larger than {MaxBytes} bytes");
            }

            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var settings = new PeftSettings(document.RootElement.Clone(), path);
            settings.Check();
            return settings;
        }
        catch (JsonException e)
        {
            throw Bad(path, $"is no JSON: {e.Message.TrimEnd('.')}");
        }
    }

    /// <summary>Factor of a module's product: alpha / rank, or alpha / √rank.</summary>
    /// <exception cref="PackageException">The file gives the module another rank, or no numbers.</exception>
    public double Scale(string module, int rank)
    {
        var expected = Number("rank_pattern", module, "r");
        if (!expected.Equals(rank))
        {
            throw new PackageException(
                _path,
                FormattableString.Invariant($"The adapter '{_path}' gives '{module}' the rank {expected}, but its ")
                + $"tensors have the rank {rank}. Take tensors and configuration from one folder that PEFT saved.");
        }

        var alpha = Number("alpha_pattern", module, "lora_alpha");
        return alpha / (Member("use_rslora")?.ValueKind == JsonValueKind.True ? Math.Sqrt(rank) : rank);
    }

    private void Check()
    {
        if (_root.ValueKind != JsonValueKind.Object)
        {
            throw Bad(_path, "is no JSON object");
        }

        var type = Member("peft_type") is { ValueKind: JsonValueKind.String } given ? given.GetString() : null;
        if (type != "LORA")
        {
            throw Bad(_path, $"is of the type '{Excerpt.Of(type ?? "none")}', not 'LORA'");
        }

        if (Unsupported.FirstOrDefault(key => Member(key) is { } value && !IsOff(value)) is { } unsupported)
        {
            throw new PackageException(
                _path,
                $"'{unsupported}' of the adapter '{_path}' is "
                + $"'{Excerpt.Of(_root.GetProperty(unsupported).GetRawText())}', "
                + "which a running model cannot take. Merge the adapter at export ('slipway export --adapter DIR'), or "
                + "export the package with it ('--adapters NAME=DIR').");
        }
    }

    // The value of the first pattern that the module's name ends with; else the common one.
    private double Number(string patterns, string module, string common)
    {
        var value = Member(patterns) is { ValueKind: JsonValueKind.Object } map
            && map.EnumerateObject().FirstOrDefault(pattern => Matches(pattern.Name, module)) is
                { Value.ValueKind: not JsonValueKind.Undefined } found
            ? found.Value : Member(common);
        return value is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out var read)
            && double.IsFinite(read)
            ? read : throw Bad(_path, $"has no number '{common}' for '{Excerpt.Of(module)}'");
    }

    private bool Matches(string pattern, string module)
    {
        try
        {
            return Regex.IsMatch(module, $@"^(.*\.)?({pattern})$", RegexOptions.CultureInvariant, PatternTime);
        }
        catch (Exception e) when (e is ArgumentException or RegexMatchTimeoutException)
        {
            throw Bad(
                _path, $"has the pattern '{Excerpt.Of(pattern)}', which is no regular expression that can be used");
        }
    }

    private JsonElement? Member(string name) => _root.TryGetProperty(name, out var value) ? value : null;

    private static bool IsOff(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        _ => value.ValueKind is JsonValueKind.False or JsonValueKind.Null,
    };

    private static PackageException Bad(string path, string problem) => new(
        path, $"The adapter's file '{path}' {problem}. Give the folder that PEFT's 'save_pretrained' wrote.");
}
