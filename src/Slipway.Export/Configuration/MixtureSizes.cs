namespace Slipway.Export.Configuration;

/// <summary>The sizes of feed-forward blocks of experts.</summary>
/// <param name="HiddenSize">Elements of a hidden state.</param>
/// <param name="IntermediateSize">Elements inside one expert.</param>
/// <param name="Experts">How many experts there are.</param>
/// <param name="Chosen">How many a token goes to.</param>
internal sealed record MixtureSizes(int HiddenSize, int IntermediateSize, int Experts, int Chosen)
{
    private const int MaxExperts = 4096;

    /// <summary>Reads and checks them.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="expertsKey">
    /// The key of the number of experts; some configurations have it as <c>num_experts</c> or <c>num_local_experts</c>.
    /// </param>
    /// <param name="intermediateKey">The key of the size inside one expert.</param>
    /// <param name="chosenKey">The key of how many a token goes to.</param>
    public static MixtureSizes Read(
        ConfigReader config, string expertsKey, string intermediateKey, string chosenKey = "num_experts_per_tok")
    {
        RequireSilu(config);
        var key = Keys(expertsKey).FirstOrDefault(config.Has) ?? expertsKey;
        int experts = config.Int(key), chosen = config.Int(chosenKey);
        return experts > MaxExperts ? throw config.Bad(key, $"at most {MaxExperts} experts")
            : chosen > experts ? throw config.Bad(chosenKey, $"at most '{key}', {experts}")
            : new MixtureSizes(config.Int("hidden_size"), config.Int(intermediateKey), experts, chosen);
    }

    /// <summary>Tells whether a configuration has experts.</summary>
    public static bool Has(ConfigReader config, string expertsKey) => Keys(expertsKey).Any(config.Has);

    private static string[] Keys(string expertsKey) => [expertsKey, "num_experts", "num_local_experts"];

    // The operators of experts know no other gate.
    private static void RequireSilu(ConfigReader config)
    {
        if (config.Text("hidden_act", "silu") is not ("silu" or "swish"))
        {
            throw config.Unsupported("hidden_act", "'silu' for experts");
        }
    }
}
