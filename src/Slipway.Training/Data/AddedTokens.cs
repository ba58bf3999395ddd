using Slipway.Training.Models;

namespace Slipway.Training.Data;

/// <summary>Says what an adapter puts before every sequence.</summary>
/// <param name="Virtual">Vectors, for which the ids -1 and below stand.</param>
/// <param name="Prefix">Positions of keys and values.</param>
internal readonly record struct AddedTokens(int Virtual, int Prefix)
{
    public static AddedTokens Of(CausalLanguageModel model) =>
        model.Adapter is { } adapter ? new(adapter.VirtualTokens, adapter.PrefixTokens) : default;
}
