namespace Slipway.Tokenization.Models;

/// <summary>Finds every token that begins a text, shortest first.</summary>
internal sealed class TokenTrie
{
    private readonly Dictionary<long, int> children = [];
    private readonly List<int> ids = [-1];

    /// <summary>The longest token, in UTF-16 units.</summary>
    public int LongestToken { get; private set; }

    public void Add(string token, int id)
    {
        LongestToken = Math.Max(LongestToken, token.Length);
        int node = 0;
        foreach (char character in token)
        {
            long key = Key(node, character);
            if (!children.TryGetValue(key, out int child))
            {
                child = ids.Count;
                ids.Add(-1);
                children.Add(key, child);
            }

            node = child;
        }

        ids[node] = id;
    }

    /// <summary>The node after a character, or −1.</summary>
    public int Next(int node, char character) => children.GetValueOrDefault(Key(node, character), -1);

    /// <summary>The token that ends at a node, or −1.</summary>
    public int IdAt(int node) => ids[node];

    private static long Key(int node, char character) => ((long)node << 16) | character;
}
