namespace LoraSharp.Tokenization;

/// <summary>An encoding being made. The details are filled only where they were asked for; the ids always are.</summary>
internal sealed class EncodingBuffer(bool details)
{
    public bool HasDetails { get; } = details;

    public IntBuffer Ids { get; private set; } = new();

    public List<string> Tokens { get; private set; } = [];

    public List<(int Start, int End)> Offsets { get; private set; } = [];

    public List<int> TypeIds { get; private set; } = [];

    public List<int> SpecialTokensMask { get; private set; } = [];

    public List<int> AttentionMask { get; private set; } = [];

    public List<int?> WordIds { get; private set; } = [];

    public List<int?> SequenceIds { get; private set; } = [];

    public int Count => Ids.Count;

    public void AddSpecial(int id, string token, int typeId, int position = -1, int attention = 1)
    {
        int at = position < 0 ? Count : position;
        Ids.Insert(at, id);
        if (HasDetails)
        {
            Tokens.Insert(at, token);
            Offsets.Insert(at, (0, 0));
            TypeIds.Insert(at, typeId);
            SpecialTokensMask.Insert(at, 1);
            AttentionMask.Insert(at, attention);
            WordIds.Insert(at, null);
            SequenceIds.Insert(at, null);
        }
    }

    public void AddText(int id, string token, (int, int) offsets, int wordId, int sequence)
    {
        Ids.Add(id);
        Tokens.Add(token);
        Offsets.Add(offsets);
        TypeIds.Add(sequence);
        SpecialTokensMask.Add(0);
        AttentionMask.Add(1);
        WordIds.Add(wordId);
        SequenceIds.Add(sequence);
    }

    public void SetTypeId(int typeId)
    {
        for (int i = 0; i < TypeIds.Count; i++)
        {
            TypeIds[i] = typeId;
        }
    }

    public void Append(EncodingBuffer other)
    {
        Ids.AddRange(other.Ids.Span);
        Tokens.AddRange(other.Tokens);
        Offsets.AddRange(other.Offsets);
        TypeIds.AddRange(other.TypeIds);
        SpecialTokensMask.AddRange(other.SpecialTokensMask);
        AttentionMask.AddRange(other.AttentionMask);
        WordIds.AddRange(other.WordIds);
        SequenceIds.AddRange(other.SequenceIds);
    }

    /// <summary>Keeps <paramref name="count"/> tokens: the first ones, or the last ones when the left side is cut.</summary>
    public void Truncate(int count, SequenceSide side)
    {
        if (count >= Count)
        {
            return;
        }

        int start = side == SequenceSide.Right ? 0 : Count - count;
        Ids.Keep(start, count);
        if (HasDetails)
        {
            Tokens = Tokens.GetRange(start, count);
            Offsets = Offsets.GetRange(start, count);
            TypeIds = TypeIds.GetRange(start, count);
            SpecialTokensMask = SpecialTokensMask.GetRange(start, count);
            AttentionMask = AttentionMask.GetRange(start, count);
            WordIds = WordIds.GetRange(start, count);
            SequenceIds = SequenceIds.GetRange(start, count);
        }
    }

    public void Pad(int length, int id, string token, int typeId, SequenceSide side)
    {
        int missing = length - Count;
        if (missing <= 0)
        {
            return;
        }

        var padding = new EncodingBuffer(HasDetails);
        for (int i = 0; i < missing; i++)
        {
            padding.AddSpecial(id, token, typeId, attention: 0);
        }

        if (side == SequenceSide.Right)
        {
            Append(padding);
            return;
        }

        padding.Append(this);
        (Ids, Tokens, Offsets, TypeIds) = (padding.Ids, padding.Tokens, padding.Offsets, padding.TypeIds);
        (SpecialTokensMask, AttentionMask, WordIds, SequenceIds) = (
            padding.SpecialTokensMask, padding.AttentionMask, padding.WordIds, padding.SequenceIds);
    }
}
