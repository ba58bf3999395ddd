using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Slipway.Training.Recipes;

namespace Slipway.Training.Adapters;

/// <summary>Describes an adapter by the keys of PEFT's <c>adapter_config.json</c>.</summary>
/// <remarks>Immutable. Properties without use for a kind keep their defaults.</remarks>
public sealed record AdapterConfig
{
    internal const string FileName = "adapter_config.json";
    private static readonly TimeSpan PatternTime = TimeSpan.FromSeconds(1);

    private static readonly (string PeftType, AdapterKind Kind)[] Types =
    [
        ("LORA", AdapterKind.Lora), ("IA3", AdapterKind.Ia3), ("PROMPT_TUNING", AdapterKind.PromptTuning),
        ("PREFIX_TUNING", AdapterKind.PrefixTuning), ("BOTTLENECK", AdapterKind.Bottleneck),
    ];

    // Variants with an arithmetic of their own.
    private static readonly string[] Unsupported =
    [
        "use_qalora", "use_bdlora", "alora_invocation_tokens", "layer_replication", "target_parameters", "arrow_config",
        "kasa_config", "monteclora_config", "velora_config", "trainable_token_indices", "modules_to_save", "lora_bias",
        "prefix_projection", "exclude_modules", "layers_to_transform",
    ];

    /// <summary>The kind: <c>peft_type</c>.</summary>
    public AdapterKind Kind { get; init; }

    /// <summary>The rank of products: <c>r</c>; the inner width of bottlenecks: <c>bottleneck_size</c>.</summary>
    /// <value>8</value>
    public int Rank { get; init; } = 8;

    /// <summary>Products are multiplied by this over their rank: <c>lora_alpha</c>.</summary>
    /// <value>8</value>
    public double Alpha { get; init; } = 8;

    /// <summary>The share of a product's inputs that is left out at random in training: <c>lora_dropout</c>.</summary>
    public double Dropout { get; init; }

    /// <summary>Names of the adapted modules, or the ends of their paths; all matrices but the head where empty:
    /// <c>target_modules</c>.</summary>
    public IReadOnlyList<string> TargetModules { get; init; } = [];

    /// <summary>Names of modules whose inputs IA3 scales, not their outputs: <c>feedforward_modules</c>.</summary>
    public IReadOnlyList<string> FeedForwardModules { get; init; } = ["down_proj"];

    /// <summary>Ranks by a pattern of module paths: <c>rank_pattern</c>.</summary>
    public IReadOnlyDictionary<string, double> RankPattern { get; init; } = new Dictionary<string, double>();

    /// <summary>Alphas by a pattern of module paths: <c>alpha_pattern</c>.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <summary>Divides alpha by the root of the rank (rsLoRA: Kalajdzievski, 2023): <c>use_rslora</c>.</summary>
    public bool UseRsLora { get; init; }

    /// <summary>Trains the rows' magnitudes apart (DoRA: Liu and others, 2024): <c>use_dora</c>.</summary>
    public bool UseDora { get; init; }

    /// <summary>Vectors, or keys and values, before the first token: <c>num_virtual_tokens</c>.</summary>
    /// <value>8</value>
    public int VirtualTokens { get; init; } = 8;

    /// <summary>The name of the model that the adapter belongs to: <c>base_model_name_or_path</c>.</summary>
    public string? BaseModel { get; init; }

    /// <summary>Reads a configuration that PEFT or this library wrote.</summary>
    /// <param name="json">The file's keys; those without effect on the arithmetic are passed over.</param>
    /// <param name="source">The file that messages name.</param>
    /// <exception cref="RecipeException">A key is missing, wrong, or of a variant that cannot be trained.</exception>
    public static AdapterConfig Parse(JsonObject json, string source)
    {
        ArgumentNullException.ThrowIfNull(json);
        var errors = new List<string>();
        var section = new RecipeSection(json, "", errors);
        foreach (var key in Unsupported.Where(key => IsOn(json[key])))
        {
            section.Report(key, "is set, which cannot be trained; expected it unset.");
        }

        var config = Read(section);
        return errors.Count == 0 ? config : throw new RecipeException(source, errors);
    }

    /// <summary>Finds the rank of a module's product.</summary>
    /// <param name="module">The module's path.</param>
    public int RankOf(string module) => (int)(Match(RankPattern, module) ?? Rank);

    /// <summary>Finds the factor of a module's product.</summary>
    /// <param name="module">The module's path.</param>
    public double ScaleOf(string module)
    {
        var rank = RankOf(module);
        return (Match(AlphaPattern, module) ?? Alpha) / (UseRsLora ? Math.Sqrt(rank) : rank);
    }

    /// <summary>Tells whether a module is adapted.</summary>
    /// <param name="module">The module's path.</param>
    public bool Targets(string module) => TargetModules.Count == 0
        ? !module.EndsWith("lm_head", StringComparison.Ordinal) : NamedBy(TargetModules, module);

    internal static AdapterConfig Read(RecipeSection section) => new()
    {
        Kind = section.Choice("peft_type", AdapterKind.Lora, required: true, Types),
        Rank = (int)section.Whole(section.Has("bottleneck_size") ? "bottleneck_size" : "r", 8, 1, 1 << 16),
        Alpha = section.Number("lora_alpha", 8, 1e-6, 1e6),
        Dropout = section.Number("lora_dropout", 0, 0, 0.99),
        TargetModules = section.HasText("target_modules", "all-linear") ? [] : section.Texts("target_modules"),
        FeedForwardModules = section.Has("feedforward_modules") ? section.Texts("feedforward_modules") : ["down_proj"],
        RankPattern = section.Numbers("rank_pattern"),
        AlphaPattern = section.Numbers("alpha_pattern"),
        UseRsLora = section.Flag("use_rslora"),
        UseDora = section.Flag("use_dora"),
        VirtualTokens = (int)section.Whole("num_virtual_tokens", 8, 1, 1 << 16),
        BaseModel = section.Text("base_model_name_or_path", required: false),
    };

    internal bool ScalesInput(string module) => NamedBy(FeedForwardModules, module);

    /// <summary>Writes the keys that PEFT expects of the kind.</summary>
    /// <param name="targets">The paths of the adapted modules.</param>
    /// <param name="transposed">Whether the base stores its matrices transposed.</param>
    internal JsonObject ToJson(IReadOnlyList<string> targets, bool transposed)
    {
        var json = new JsonObject
        {
            ["peft_type"] = Types.First(row => row.Kind == Kind).PeftType,
            ["base_model_name_or_path"] = BaseModel,
            ["task_type"] = "CAUSAL_LM",
            ["inference_mode"] = true,
        };
        if (Kind is AdapterKind.PromptTuning or AdapterKind.PrefixTuning)
        {
            json["num_virtual_tokens"] = VirtualTokens;
            return json;
        }

        var names = targets.Select(path => path[(path.LastIndexOf('.') + 1)..]).Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal).ToArray();
        json["target_modules"] = new JsonArray(
            [.. (TargetModules.Count > 0 ? TargetModules : names).Select(name => (JsonNode)name)]);
        switch (Kind)
        {
            case AdapterKind.Ia3:
                json["feedforward_modules"] = new JsonArray([.. FeedForwardModules.Select(name => (JsonNode)name)]);
                json["fan_in_fan_out"] = transposed;
                break;
            case AdapterKind.Bottleneck:
                json["bottleneck_size"] = Rank;
                json["non_linearity"] = "relu";
                break;
            default:
                json["r"] = Rank;
                json["lora_alpha"] = Alpha;
                json["lora_dropout"] = Dropout;
                json["bias"] = "none";
                json["fan_in_fan_out"] = transposed;
                json["use_rslora"] = UseRsLora;
                json["use_dora"] = UseDora;
                json["rank_pattern"] = Pattern(RankPattern, whole: true);
                json["alpha_pattern"] = Pattern(AlphaPattern, whole: false);
                break;
        }

        return json;
    }

    private static JsonObject Pattern(IReadOnlyDictionary<string, double> pattern, bool whole) =>
        new(pattern.Select(pair => KeyValuePair.Create(
            pair.Key, (JsonNode?)(whole ? JsonValue.Create((int)pair.Value) : JsonValue.Create(pair.Value)))));

    private static bool NamedBy(IReadOnlyList<string> names, string module) =>
        names.Any(name => module == name || module.EndsWith($".{name}", StringComparison.Ordinal));

    private static double? Match(IReadOnlyDictionary<string, double> patterns, string module)
    {
        foreach (var (pattern, value) in patterns)
        {
            if (Regex.IsMatch(module, $@"^(.*\.)?({pattern})$", RegexOptions.CultureInvariant, PatternTime))
            {
                return value;
            }
        }

        return null;
    }

    private static bool IsOn(JsonNode? value) => value switch
    {
        null => false,
        JsonArray list => list.Count > 0,
        JsonObject section => section.Count > 0,
        _ => value.GetValueKind() is not (JsonValueKind.False or JsonValueKind.Null),
    };
}
