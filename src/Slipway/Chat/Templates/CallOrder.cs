using System.Text.Json.Nodes;

namespace Slipway.Chat;

/// <summary>Remembers the calls of a conversation, and puts their results in the calls' order.</summary>
/// <remarks>
/// Functions that ran at once end in any order, and most templates write a result without the id of its call: a model
/// takes the first result for the first call's.
/// </remarks>
internal sealed class CallOrder
{
    private readonly Dictionary<string, (string Name, int Place)> _calls = new(StringComparer.Ordinal);
    private readonly List<int> _places = []; // of the results at the end of the messages

    /// <summary>Takes the next call.</summary>
    public void Add(string id, string name) => _calls[id] = (name, _calls.Count);

    /// <summary>Finds the function of a call; null where there was no such call.</summary>
    public string? Function(string id) => _calls.TryGetValue(id, out var call) ? call.Name : null;

    /// <summary>Adds a result before those of later calls that stand at the end of the messages.</summary>
    public void AddResult(List<JsonObject> messages, string id, JsonObject result)
    {
        var place = _calls.TryGetValue(id, out var call) ? call.Place : int.MaxValue;
        var at = _places.Count;
        while (at > 0 && _places[at - 1] > place)
        {
            at--;
        }

        messages.Insert(messages.Count - _places.Count + at, result);
        _places.Insert(at, place);
    }

    /// <summary>Adds a message that is no result; the results before it stay where they are.</summary>
    public void AddMessage(List<JsonObject> messages, JsonObject message)
    {
        messages.Add(message);
        _places.Clear();
    }
}
