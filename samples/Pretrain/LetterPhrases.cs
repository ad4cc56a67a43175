namespace LoraSharp.Samples.Pretrain;

/// <summary>The sentences of letters between friends.</summary>
internal static class LetterPhrases
{
    public static readonly string[] Openings =
    [
        "Thank you for your letter.", "Thank you for telling me about your holiday.", "Thank you for telling me about your new job.",
        "Thank you for your question.", "Thank you for your help with the garden.", "Thank you for telling me about it.",
        "I am sorry to hear that the train was late.", "I am sorry to hear that you cannot come.", "I am sorry to hear that it rains.",
        "I understand that you have little time.", "I understand that you are worried about the test.",
        "I understand that the noise in your house troubles you.", "It is good that you ask about my dog.",
        "It is good to hear that you found a flat.", "It is good that you ask for the book.",
    ];

    public static readonly string[] News =
    [
        "We are all well.", "The children are at school now.", "The garden is green, so we sit outside every evening.",
        "Our cat sleeps on my desk all day.", "My husband cooks and I read.", "The car is old, so we take the bus.",
        "I have learned to ride a bike again.", "We will fly to the sea next month.", "It is cold here, so we drink tea and stay in bed.",
        "My work is hard, so I need a break.", "The snow is the most likely cause of the late trains.", "I have a new piano.",
    ];

    public static readonly string[] Requests =
    [
        "Please bring some bread when you come.", "Please call me if you need the car.", "Please see the film if you have time.",
        "Please visit us if you are near.", "Please see our new house soon.", "Please tell me more about your son.",
        "Please close the window if you go out.", "Please write to me if the letter is late.", "Please ask him for the keys.",
        "Please see if the dog has water.", "Please do not wait until the summer.",
    ];

    public static readonly string[] Wishes =
    [
        "I wish you a nice weekend.", "I wish you a good trip.", "I wish you all the best.", "I wish you a happy birthday.",
        "I wish you and your family a good summer.", "I wish you good health.", "I wish you a quick trip home.",
        "I wish you a lot of joy.", "I wish you a lot of strength for the test.", "I wish you and your daughter a good holiday.",
        "I wish your mother a quick recovery.", "I wish you both quiet nights.",
    ];
}
