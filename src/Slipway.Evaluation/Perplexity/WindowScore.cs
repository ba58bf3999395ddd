using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Perplexity;

/// <summary>Holds how well a model predicts a window.</summary>
/// <param name="Item">The window's place, from 0.</param>
/// <param name="Tokens">Tokens that were predicted.</param>
/// <param name="Nll">The sum of their negative log-likelihoods, in nats.</param>
internal sealed record WindowScore(int Item, int Tokens, double Nll) : IResult<WindowScore>
{
    public JsonObject ToJson() => new()
    {
        ["item"] = Item,
        ["tokens"] = Tokens,
        ["nll"] = ResultNumber.ToJson(Nll),
    };

    public static WindowScore FromJson(JsonNode? node)
    {
        try
        {
            return new WindowScore(
                (int)node!["item"]!, (int)node["tokens"]!, ResultNumber.FromJson(node["nll"]!));
        }
        catch (Exception exception) when (exception is InvalidOperationException or NullReferenceException
            or FormatException)
        {
            throw new JsonException("The line is no score; expected 'item', 'tokens' and 'nll'.", exception);
        }
    }
}
