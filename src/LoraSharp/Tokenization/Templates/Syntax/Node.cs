namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>A node of the syntax tree.</summary>
internal abstract class Node(int line)
{
    public int Line { get; } = line;

    /// <summary>The nodes directly below, in the order in which names in them count as seen.</summary>
    public abstract IEnumerable<Node> Children { get; }
}
