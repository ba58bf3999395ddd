namespace Slipway.Tokenization.Models;

/// <summary>Finds every token that begins a text, shortest first.</summary>
internal sealed class TokenTrie
{
    private readonly Dictionary<long, int> _children = [];
    private readonly List<int> _ids = [-1];

    public void Add(string token, int id)
    {
        var node = 0;
        foreach (var character in token)
        {
            var key = Key(node, character);
            if (!_children.TryGetValue(key, out var child))
            {
                child = _ids.Count;
                _ids.Add(-1);
                _children.Add(key, child);
            }

            node = child;
        }

        _ids[node] = id;
    }

    /// <summary>The longest token that begins a text, or −1.</summary>
    /// <param name="text">The text.</param>
    /// <param name="length">The token's length.</param>
    public int Longest(ReadOnlySpan<char> text, out int length)
    {
        (var id, length) = (-1, 0);
        for (int node = 0, end = 0; end < text.Length && (node = Next(node, text[end])) >= 0; end++)
        {
            if (_ids[node] >= 0)
            {
                (id, length) = (_ids[node], end + 1);
            }
        }

        return id;
    }

    /// <summary>The node after a character, or −1.</summary>
    public int Next(int node, char character) => _children.GetValueOrDefault(Key(node, character), -1);

    /// <summary>The token that ends at a node, or −1.</summary>
    public int IdAt(int node) => _ids[node];

    private static long Key(int node, char character) => ((long)node << 16) | character;
}
