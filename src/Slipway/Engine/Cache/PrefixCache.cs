using System.Runtime.InteropServices;
using Slipway.Engine.Execution;

namespace Slipway.Engine.Cache;

/// <summary>Keeps keys and values of sequences that were computed, for prompts with the same prefix.</summary>
/// <remarks>
/// A tree of blocks of <see cref="BlockTokens"/> tokens: sequences with the same prefix share their first blocks.
/// Beyond <see cref="Limit"/> the least recently used block is dropped first. Of layers with a window a block has what
/// they held when the block was stored, and a prefix is restored where they have its last tokens. Belongs to the
/// engine's thread.
/// </remarks>
/// <param name="decoder">Holds the slots.</param>
/// <param name="budget">Other models' share of the memory; null where there are none.</param>
internal sealed class PrefixCache(IDecoder decoder, KeyValueBudget? budget = null) : IDisposable
{
    public const int BlockTokens = 16;

    // Another adapter gives the same tokens other keys and values.
    private readonly Dictionary<int, Block> _roots = [];
    private readonly LinkedList<Block> _byUse = new();
    private readonly long _growingBytes = decoder.GrowingTokenBytes * BlockTokens;
    private readonly long _windowBytes = decoder.WindowTokenBytes * BlockTokens;
    private long _limit;

    /// <summary>The maximum of bytes to hold; what lies beyond is dropped at once.</summary>
    public long Limit
    {
        get => _limit;
        set
        {
            _limit = value;
            Trim(_limit);
        }
    }

    public long Bytes { get; private set; }

    /// <summary>Fills a slot with the longest prefix that is known.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="tokens">The tokens to compute; the last of them always remains.</param>
    /// <param name="adapter">The adapter that they are computed with; 0 for none.</param>
    /// <returns>Tokens that the slot now holds.</returns>
    public int Restore(int slot, ReadOnlySpan<int> tokens, int adapter)
    {
        var block = RootOf(adapter);
        var known = new List<Block>();
        while (((known.Count + 1) * BlockTokens) < tokens.Length
            && block.Find(tokens.Slice(known.Count * BlockTokens, BlockTokens)) is { } next)
        {
            known.Add(next);
            block = next;
        }

        while (known.Count > 0 && !HasWindow(known))
        {
            known.RemoveAt(known.Count - 1);
        }

        for (var i = 0; i < known.Count; i++)
        {
            Write(slot, known.Count * BlockTokens, i * BlockTokens, known[i]);
        }

        Touch(known.Count > 0 ? known[^1] : RootOf(adapter));
        return known.Count * BlockTokens;
    }

    /// <summary>Keeps a slot's whole blocks.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="tokens">The tokens that the slot holds.</param>
    /// <param name="adapter">The adapter that they were computed with; 0 for none.</param>
    public void Store(int slot, ReadOnlySpan<int> tokens, int adapter)
    {
        try
        {
            StoreBlocks(slot, tokens, adapter);
        }
        catch (OutOfMemoryException)
        {
            // The memory that is left serves the running sequences better.
            Clear();
        }
    }

    /// <summary>Drops what was computed with an adapter.</summary>
    public void Forget(int adapter)
    {
        if (_roots.Remove(adapter, out var root))
        {
            foreach (var block in root.Descendants())
            {
                _byUse.Remove(block.Node);
                Free(block.Growing);
                Free(block.Window);
            }

            budget?.TryHoldPrefixes(Bytes);
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear() => Trim(0);

    public void Dispose() => Clear();

    private Block RootOf(int adapter)
    {
        if (!_roots.TryGetValue(adapter, out var root))
        {
            _roots.Add(adapter, root = new Block(null, []));
        }

        return root;
    }

    // Layers with a window need all that a slot of this length keeps.
    private bool HasWindow(List<Block> known)
        => _windowBytes == 0 || known.Skip(decoder.WindowStart(known.Count * BlockTokens) / BlockTokens)
            .All(block => block.Window is not null);

    private void Write(int slot, int length, int start, Block block)
    {
        if (block.Growing is { } growing)
        {
            decoder.WriteTokens(slot, start, BlockTokens, growing);
        }

        if (block.Window is { } window && start + BlockTokens > decoder.WindowStart(length))
        {
            decoder.WriteWindow(slot, length, start, BlockTokens, window);
        }
    }

    private void StoreBlocks(int slot, ReadOnlySpan<int> tokens, int adapter)
    {
        // Blocks that do not fit even in an empty cache would only push out those that do.
        var count = (int)Math.Min(tokens.Length / BlockTokens, _limit / (_growingBytes + _windowBytes));
        var block = RootOf(adapter);
        for (var i = 0; i < count; i++)
        {
            var ids = tokens.Slice(i * BlockTokens, BlockTokens);
            var known = block.Find(ids);
            if (known is null && !MakeRoom(_growingBytes))
            {
                return;
            }

            block = known ?? Add(block, slot, i * BlockTokens, ids);

            // Moves the block to the front, so that making room for the next one does not drop it.
            Touch(block);
            if (_windowBytes > 0 && block.Window is null && decoder.FirstHeld(slot) <= i * BlockTokens
                && MakeRoom(_windowBytes))
            {
                var start = i * BlockTokens;
                block.Window = Read(_windowBytes, data => decoder.ReadWindow(slot, start, BlockTokens, data));
            }
        }
    }

    // What other models leave no room for is not kept.
    private bool MakeRoom(long bytes)
    {
        Trim(_limit - bytes);
        return budget?.TryHoldPrefixes(Bytes + bytes) != false;
    }

    private Block Add(Block parent, int slot, int start, ReadOnlySpan<int> ids)
    {
        var block = new Block(parent, ids.ToArray());
        if (_growingBytes > 0)
        {
            block.Growing = Read(_growingBytes, data => decoder.ReadTokens(slot, start, BlockTokens, data));
        }

        parent.Children.Add(block.Ids, block);
        _byUse.AddFirst(block.Node);
        return block;
    }

    private NativeBuffer Read(long bytes, Action<NativeBuffer> read)
    {
        var data = new NativeBuffer(bytes);
        read(data);
        Bytes += bytes;
        return data;
    }

    // A parent is always used after its child, so the last block in this order has no children.
    private void Touch(Block block)
    {
        for (var one = block; one.Parent is not null; one = one.Parent)
        {
            _byUse.Remove(one.Node);
            _byUse.AddFirst(one.Node);
        }
    }

    private void Trim(long max)
    {
        while (_byUse.Last is { } last && Bytes > Math.Max(max, 0))
        {
            _byUse.Remove(last);
            last.Value.Parent!.Children.Remove(last.Value.Ids);
            Free(last.Value.Growing);
            Free(last.Value.Window);
        }

        budget?.TryHoldPrefixes(Bytes);
    }

    private void Free(NativeBuffer? data)
    {
        Bytes -= data?.Bytes ?? 0;
        data?.Dispose();
    }

    private sealed class Block
    {
        private readonly Dictionary<int[], Block>.AlternateLookup<ReadOnlySpan<int>> _lookup;

        public Block(Block? parent, int[] ids)
        {
            Parent = parent;
            Ids = ids;
            Node = new LinkedListNode<Block>(this);
            _lookup = Children.GetAlternateLookup<ReadOnlySpan<int>>();
        }

        public Block? Parent { get; }

        public int[] Ids { get; }

        /// <summary>Keys and values of the layers that keep all tokens.</summary>
        public NativeBuffer? Growing { get; set; }

        /// <summary>Keys and values of the layers with a window; null where they were gone.</summary>
        public NativeBuffer? Window { get; set; }

        public LinkedListNode<Block> Node { get; }

        public Dictionary<int[], Block> Children { get; } = new(IdsComparer.Instance);

        public IEnumerable<Block> Descendants()
            => Children.Values.SelectMany(child => child.Descendants().Prepend(child));

        public Block? Find(ReadOnlySpan<int> ids) => _lookup.TryGetValue(ids, out var block) ? block : null;
    }

    private sealed class IdsComparer : IEqualityComparer<int[]>, IAlternateEqualityComparer<ReadOnlySpan<int>, int[]>
    {
        public static readonly IdsComparer Instance = new();

        public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

        public bool Equals(ReadOnlySpan<int> alternate, int[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(int[] obj) => GetHashCode(obj.AsSpan());

        public int GetHashCode(ReadOnlySpan<int> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(MemoryMarshal.AsBytes(alternate));
            return hash.ToHashCode();
        }

        public int[] Create(ReadOnlySpan<int> alternate) => alternate.ToArray();
    }
}
