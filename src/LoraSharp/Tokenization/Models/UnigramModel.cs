using System.Buffers;
using System.Text;
using System.Text.Json;

namespace LoraSharp.Tokenization;

/// <summary>The unigram language model (Kudo, 2018, arXiv:1804.10959): the path of the highest sum of scores.</summary>
internal sealed class UnigramModel : TokenModel
{
    /// <summary>How much less than the worst token an unknown character scores.</summary>
    private const double UnknownPenalty = 10.0;

    private readonly IReadOnlyList<(string Piece, double Score)> _pieces;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private readonly PairTable _trie;
    private readonly int[] _fallback = new int[256];
    private readonly double _unknownScore;
    private readonly int? _unkId;
    private readonly bool _byteFallback;

    public UnigramModel(IReadOnlyList<(string Piece, double Score)> pieces, int? unkId, bool byteFallback)
    {
        _pieces = pieces;
        _unkId = unkId;
        _byteFallback = byteFallback;
        _ids = new Dictionary<string, int>(pieces.Count);
        double lowest = double.PositiveInfinity;
        for (int id = 0; id < pieces.Count; id++)
        {
            // Of pieces written twice the last one counts.
            _ids[pieces[id].Piece] = id;
            lowest = Math.Min(lowest, pieces[id].Score);
        }

        _bySpan = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _unknownScore = lowest - UnknownPenalty;
        _trie = MakeTrie(_ids);
        for (int b = 0; b < 256; b++)
        {
            _fallback[b] = byteFallback && _ids.TryGetValue($"<0x{b:X2}>", out int id) ? id : -1;
        }
    }

    public override int VocabSize => _pieces.Count;

    public override int IdOf(ReadOnlySpan<char> token) => _bySpan.TryGetValue(token, out int id) ? id : -1;

    public override string? TokenOf(int id) => (uint)id < (uint)_pieces.Count ? _pieces[id].Piece : null;

    public override void Write(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "Unigram");
        if (_unkId is int unkId)
        {
            writer.WriteNumber("unk_id", unkId);
        }
        else
        {
            writer.WriteNull("unk_id");
        }

        writer.WriteStartArray("vocab");
        foreach ((string piece, double score) in _pieces)
        {
            writer.WriteStartArray();
            writer.WriteStringValue(piece);
            writer.WriteNumberValue(score);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
        writer.WriteBoolean("byte_fallback", _byteFallback);
    }

    protected override void TokenizeNew(ReadOnlySpan<char> word, TokenSink sink)
    {
        int size = word.Length + 1;
        double[] scores = ArrayPool<double>.Shared.Rent(size);
        int[] starts = ArrayPool<int>.Shared.Rent(size);
        int[] ids = ArrayPool<int>.Shared.Rent(size);
        try
        {
            FindBestPath(word, scores, starts.AsSpan(0, size), ids);
            AddPath(word, starts, ids, sink);
        }
        finally
        {
            ArrayPool<double>.Shared.Return(scores);
            ArrayPool<int>.Shared.Return(starts);
            ArrayPool<int>.Shared.Return(ids);
        }
    }

    /// <summary>
    /// For each position, where the last token of the best path to it begins, and which one it is. A tie keeps what was found first.
    /// </summary>
    private void FindBestPath(ReadOnlySpan<char> word, double[] scores, Span<int> starts, int[] ids)
    {
        starts.Fill(-1);
        scores[0] = 0;
        for (int start = 0; start < word.Length;)
        {
            int length = char.IsHighSurrogate(word[start]) && start + 1 < word.Length ? 2 : 1;
            bool hasSingle = false;
            int node = 0;
            for (int end = start; end < word.Length && _trie.TryGet(node, word[end], out (int Child, int Id) step);)
            {
                node = step.Child;
                end++;
                if (step.Id >= 0)
                {
                    hasSingle |= end == start + length;
                    Offer(scores, starts, ids, start, end, _pieces[step.Id].Score, step.Id);
                }
            }

            if (!hasSingle)
            {
                Offer(scores, starts, ids, start, start + length, _unknownScore, _unkId ?? throw new InvalidOperationException(
                    "The text has a character that the vocabulary does not know, and the Unigram model has no unk_id."
                        + " Set model.unk_id in tokenizer.json."));
            }

            start += length;
        }
    }

    private static void Offer(double[] scores, Span<int> starts, int[] ids, int start, int end, double score, int id)
    {
        double candidate = scores[start] + score;
        if (starts[end] < 0 || candidate > scores[end])
        {
            scores[end] = candidate;
            starts[end] = start;
            ids[end] = id;
        }
    }

    private void AddPath(ReadOnlySpan<char> word, int[] starts, int[] ids, TokenSink sink)
    {
        var path = new List<(int Start, int End, bool Unknown)>();
        for (int end = word.Length; end > 0; end = starts[end])
        {
            bool unknown = ids[end] == _unkId;
            if (unknown && path.Count > 0 && path[^1].Unknown)
            {
                path[^1] = (starts[end], path[^1].End, true);
            }
            else
            {
                path.Add((starts[end], end, unknown));
            }
        }

        for (int i = path.Count - 1; i >= 0; i--)
        {
            AddToken(word, path[i].Start, path[i].End, sink);
        }
    }

    private void AddToken(ReadOnlySpan<char> word, int start, int end, TokenSink sink)
    {
        ReadOnlySpan<char> text = word[start..end];
        if (_bySpan.TryGetValue(text, out int id))
        {
            sink.Add(id, start, end);
            return;
        }

        if (_byteFallback)
        {
            byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text)];
            Encoding.UTF8.GetBytes(text, bytes);
            if (Array.TrueForAll(bytes, b => _fallback[b] >= 0))
            {
                foreach (byte b in bytes)
                {
                    sink.Add(_fallback[b], start, end);
                }

                return;
            }
        }

        sink.Texts[sink.Count] = text.ToString();
        sink.Add(_unkId!.Value, start, end);
    }

    /// <summary>A trie over UTF-16 units: (node, unit) to (child, id of the piece that ends there or -1); the root is 0.</summary>
    private static PairTable MakeTrie(Dictionary<string, int> ids)
    {
        var trie = new PairTable(ids.Count * 2);
        int nodes = 1;
        foreach ((string piece, int id) in ids)
        {
            int node = 0;
            for (int i = 0; i < piece.Length; i++)
            {
                int value = i == piece.Length - 1 ? id : -1;
                if (!trie.TryGet(node, piece[i], out (int Child, int Id) step))
                {
                    step = (nodes++, value);
                    trie.Set(node, piece[i], step.Child, step.Id);
                }
                else if (value >= 0)
                {
                    trie.Set(node, piece[i], step.Child, value);
                }

                node = step.Child;
            }
        }

        return trie;
    }
}
