namespace LoraSharp.Data;

/// <summary>A row's tokens and what is known of them, before labels are made of it.</summary>
internal sealed record EncodedRow(int[] InputIds)
{
    /// <summary>Which tokens belong to the completion; null for rows without one.</summary>
    public bool[]? CompletionMask { get; init; }

    /// <summary>Which tokens the assistant wrote; null where nobody asked.</summary>
    public bool[]? AssistantMask { get; init; }

    /// <summary>Labels that came with the row; they are kept as they are.</summary>
    public int[]? Labels { get; init; }

    /// <summary>Every token is its own label where all masks that apply allow it.</summary>
    public TokenizedRow ToTrainingRow(bool completionOnly)
    {
        if (Labels is not null)
        {
            return new TokenizedRow(InputIds, Labels);
        }

        int[] labels = [.. InputIds];
        for (int i = 0; i < labels.Length; i++)
        {
            if ((completionOnly && CompletionMask is not null && !CompletionMask[i]) || (AssistantMask is not null && !AssistantMask[i]))
            {
                labels[i] = TokenizedRow.Ignored;
            }
        }

        return new TokenizedRow(InputIds, labels);
    }
}
