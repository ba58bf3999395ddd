using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Evaluation.Tasks;

/// <summary>Names what a <see cref="ResultsFile{T}"/> keeps: the result of one item of a run.</summary>
internal interface IResult<TSelf>
    where TSelf : IResult<TSelf>
{
    /// <summary>The item's place in the run, from 0.</summary>
    int Item { get; }

    /// <summary>Writes a line of the file.</summary>
    JsonObject ToJson();

    /// <summary>Reads a line of the file.</summary>
    /// <exception cref="JsonException">The document has another form.</exception>
    static abstract TSelf FromJson(JsonNode? node);
}
