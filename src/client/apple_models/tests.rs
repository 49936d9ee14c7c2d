use super::*;

#[test]
fn the_table_is_in_order_and_has_each_model_once() {
    assert!(MODELS.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[test]
fn devices_have_the_names_that_openreplay_gives_them() {
    for (model, known_as) in [
        ("iPod9,1", "iPod touch (7th generation)"),
        ("iPhone3,3", "iPhone 4"),
        ("iPhone5,4", "iPhone 5c"),
        ("iPhone8,4", "iPhone SE"),
        ("iPhone10,6", "iPhone X"),
        ("iPhone12,8", "iPhone SE (2nd generation)"),
        ("iPhone14,5", "iPhone 13"),
        ("iPhone14,6", "iPhone SE (3rd generation)"),
        ("iPhone15,3", "iPhone 14 Pro Max"),
        ("iPad2,4", "iPad 2"),
        ("iPad2,5", "iPad mini"),
        ("iPad6,11", "iPad (5th generation)"),
        ("iPad13,18", "iPad (10th generation)"),
        ("iPad13,17", "iPad Air (5th generation)"),
        ("iPad8,4", "iPad Pro (11-inch) (1st generation)"),
        ("iPad8,5", "iPad Pro (12.9-inch) (3rd generation)"),
        ("iPad14,6", "iPad Pro (12.9-inch) (6th generation)"),
        ("AppleTV6,2", "Apple TV 4K"),
        ("AudioAccessory5,1", "HomePod mini"),
        ("arm64", "Simulator"),
    ] {
        assert_eq!(name(model), known_as, "{model}");
    }
    for unknown in ["", "iPhone16,1", "iphone14,5", "iPhone14,5 ", "oriole"] {
        assert_eq!(name(unknown), unknown);
    }
}
