using System.Text;

namespace LoraSharp.Tokenization;

/// <content>The symbols that a word begins with, before any merge.</content>
internal sealed partial class BpeModel
{
    private const char Mark = '\u2581';

    /// <summary>
    /// Without a pre-tokenizer that splits, a whole text is one word, which no cache would know. Where no merge joins anything to a mark behind it,
    /// and the mark is itself a token, the words between marks cannot touch each other: they are taken one by one.
    /// </summary>
    public override void Tokenize(ReadOnlySpan<char> word, TokenSink sink)
    {
        if (!_splitsAtMarks)
        {
            base.Tokenize(word, sink);
            return;
        }

        int offset = 0;
        while (word.Length > 0)
        {
            int end = 1;
            while (true)
            {
                int mark = word[end..].IndexOf(Mark);
                if (mark < 0)
                {
                    end = word.Length;
                    break;
                }

                end += mark;
                if (word[end - 1] != Mark)
                {
                    break;
                }

                end++;
                if (end >= word.Length)
                {
                    end = word.Length;
                    break;
                }
            }

            int first = sink.Count;
            base.Tokenize(word[..end], sink);
            for (int i = first; offset > 0 && i < sink.Count; i++)
            {
                sink.Starts[i] += offset;
                sink.Ends[i] += offset;
            }

            offset += Encoding.UTF8.GetByteCount(word[..end]);
            word = word[end..];
        }
    }

    private int ByteSymbols(ReadOnlySpan<char> word, int[] ids, int[] widths)
    {
        Span<byte> bytes = word.Length <= 128 ? stackalloc byte[384] : new byte[word.Length * 3];
        bytes = bytes[..Encoding.UTF8.GetBytes(word, bytes)];
        var state = new SymbolList(ids, widths);
        if (_options.ContinuingSubwordPrefix is not null || _options.EndOfWordSuffix is not null)
        {
            for (int i = 0; i < bytes.Length; i++)
            {
                AddDecorated(ref state, ByteAlphabet.Chars[bytes[i]].ToString(), 1, i == 0, i == bytes.Length - 1);
            }
        }
        else
        {
            foreach (byte b in bytes)
            {
                char c = ByteAlphabet.Chars[b];
                AddKnownOrNot(ref state, _single[c], [c], 1);
            }
        }

        state.FlushUnknown();
        return state.Count;
    }

    private int Symbols(ReadOnlySpan<char> word, int[] ids, int[] widths)
    {
        var state = new SymbolList(ids, widths);
        bool decorated = _options.ContinuingSubwordPrefix is not null || _options.EndOfWordSuffix is not null;
        for (int i = 0; i < word.Length;)
        {
            int codePoint = UnicodeText.CodePointAt(word, i, out int length);
            ReadOnlySpan<char> symbol = word.Slice(i, length);
            int width = UnicodeText.Utf8Length(codePoint);
            if (decorated)
            {
                AddDecorated(ref state, symbol.ToString(), width, i == 0, i + length == word.Length);
            }
            else
            {
                AddKnownOrNot(ref state, length == 1 ? _single[codePoint] : _vocabulary.Find(symbol), symbol, width);
            }

            i += length;
        }

        state.FlushUnknown();
        return state.Count;
    }

    private void AddDecorated(ref SymbolList state, string symbol, int width, bool isFirst, bool isLast)
    {
        symbol = (isFirst ? "" : _options.ContinuingSubwordPrefix) + symbol + (isLast ? _options.EndOfWordSuffix : "");
        AddKnownOrNot(ref state, _vocabulary.Find(symbol), symbol, width);
    }

    private void AddKnownOrNot(ref SymbolList state, int id, ReadOnlySpan<char> symbol, int width)
    {
        if (id >= 0)
        {
            state.FlushUnknown();
            state.Add(id, width);
        }
        else if (!AddFallback(ref state, symbol) && _options.UnkToken is not null)
        {
            state.AddUnknown(_unkId >= 0 ? _unkId : throw MissingUnknown(), width, _options.FuseUnk);
        }
    }

    /// <summary>The byte tokens of a symbol, if the vocabulary has all of them. An unknown symbol before stays behind: the reference's way.</summary>
    private bool AddFallback(ref SymbolList state, ReadOnlySpan<char> symbol)
    {
        if (!_options.ByteFallback || symbol.Length > 2)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[8];
        bytes = bytes[..Encoding.UTF8.GetBytes(symbol, bytes)];
        foreach (byte b in bytes)
        {
            if (_fallback[b] < 0)
            {
                return false;
            }
        }

        foreach (byte b in bytes)
        {
            state.Add(_fallback[b], 1);
        }

        return true;
    }

    private InvalidOperationException MissingUnknown() =>
        new(
            $"The text has a character that the vocabulary does not know, and the unknown token '{_options.UnkToken}' is not in"
                + " the vocabulary either. Add it to the model's vocab in tokenizer.json.");

    private struct SymbolList(int[] ids, int[] widths)
    {
        private int _unknownId;
        private int _unknownWidth;

        public int Count { get; private set; }

        public void Add(int id, int width)
        {
            ids[Count] = id;
            widths[Count++] = width;
        }

        public void AddUnknown(int id, int width, bool fuse)
        {
            if (!fuse)
            {
                FlushUnknown();
            }

            _unknownId = id;
            _unknownWidth += width;
        }

        public void FlushUnknown()
        {
            if (_unknownWidth > 0)
            {
                Add(_unknownId, _unknownWidth);
                _unknownWidth = 0;
            }
        }
    }
}
