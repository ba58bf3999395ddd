using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Divergence;

/// <summary>Compares two models over the scored positions of a window.</summary>
/// <param name="Item">The window's place, from 0.</param>
/// <param name="Positions">The comparisons, in the order of the positions.</param>
internal sealed record WindowDivergence(int Item, IReadOnlyList<TokenDivergence> Positions)
    : IResult<WindowDivergence>
{
    // One list a measure, which is a quarter of the text that a list of objects takes.
    public JsonObject ToJson() => new()
    {
        ["item"] = Item,
        ["divergence"] = List(position => position.Divergence),
        ["agrees"] = new JsonArray([.. Positions.Select(position => (JsonNode)(position.Agrees ? 1 : 0))]),
        ["reference_nll"] = List(position => position.ReferenceNll),
        ["candidate_nll"] = List(position => position.CandidateNll),
    };

    public static WindowDivergence FromJson(JsonNode? node)
    {
        try
        {
            double[] divergences = Numbers("divergence"), agrees = Numbers("agrees");
            double[] reference = Numbers("reference_nll"), candidate = Numbers("candidate_nll");
            if (divergences.Length == 0 || new[] { agrees, reference, candidate }.Any(
                list => list.Length != divergences.Length))
            {
                throw new JsonException("The lists of the line are empty or differ in length.");
            }

            return new WindowDivergence((int)node!["item"]!, [.. divergences.Select((divergence, i)
                => new TokenDivergence(divergence, agrees[i] != 0, reference[i], candidate[i]))]);
        }
        catch (Exception exception) when (exception is InvalidOperationException or NullReferenceException
            or FormatException)
        {
            throw new JsonException(
                "The line is no comparison; expected 'item', and lists 'divergence', 'agrees', 'reference_nll' and "
                + "'candidate_nll'.",
                exception);
        }

        double[] Numbers(string name) => [.. node![name]!.AsArray().Select(one => ResultNumber.FromJson(one!))];
    }

    private JsonArray List(Func<TokenDivergence, double> measure)
        => new([.. Positions.Select(position => ResultNumber.ToJson(measure(position)))]);
}
