namespace LoraSharp.Data;

/// <summary>The forms of row that supervised fine-tuning accepts.</summary>
internal enum RowForm
{
    /// <summary><c>input_ids</c>, and perhaps <c>labels</c>, <c>completion_mask</c> or <c>assistant_masks</c>.</summary>
    Tokenized,

    /// <summary>One column of text.</summary>
    Text,

    /// <summary><c>prompt</c> and <c>completion</c> as text.</summary>
    PromptCompletion,

    /// <summary><c>messages</c> (role, content), or <c>conversations</c> (from, value).</summary>
    Chat,

    /// <summary><c>prompt</c> and <c>completion</c> as messages.</summary>
    ChatPromptCompletion,
}
