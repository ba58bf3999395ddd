using System.Globalization;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Reads what is added to the logits of tokens.</summary>
internal static class LogitBias
{
    private const int Max = 100;

    /// <summary>Reads numbers by the ids of tokens; null where there are none.</summary>
    /// <exception cref="OpenAIException">A name is no id, or a number is out of range.</exception>
    public static Dictionary<int, float>? Read(IReadOnlyDictionary<string, double>? biases)
    {
        if (biases is not { Count: > 0 })
        {
            return null;
        }

        var read = new Dictionary<int, float>();
        foreach (var (name, bias) in biases)
        {
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            {
                throw OpenAIException.InvalidValue("logit_bias", name, "ids of tokens as names");
            }

            Require.InRange(bias, -Max, Max, $"logit_bias.{name}");
            read[id] = (float)bias;
        }

        return read;
    }
}
